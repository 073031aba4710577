"""The page of figures that other documents quote."""

from typing import Any

from devstack.repository import ROOT
from tests.benchmarks.relay.plan import RATE
from tests.benchmarks.relay.units import UNITS

PAGE = ROOT / "outbox-relay" / "BENCHMARKS.md"

_STARTS = {"slot": "slot older than the backlog", "snapshot": "snapshot of the backlog"}
_TEMPLATE = """\
# The relay and Debezium, measured

Written by `make bench-relay` on {date}; don't edit it.

| what is compared | figures | ratio, goal |
|---|---|---|
{rows}

{remarks}

- **Machine:** {machine}, for everything.
- **Versions:** {postgresql}, Kafka {kafka}, kafka-python {kafka_python}, Python {python},
  Debezium {debezium}.
- **Servers**, new for each measurement: PostgreSQL durable, `wal_level=logical`; one broker,
  {partitions} partitions.
- **Events:** {value_bytes} bytes; small backlog {events:,}, large {large_backlog:,},
  rows kept {kept_rows:,}. Latency at {rate} events/s for {latency_seconds} s, from the writer's commit.
- **Relay:** default settings, {shards} shards, its container's packages.
- **Debezium:** event router only, {start}, {heap} heap, `poll.interval.ms={poll_interval}`,
  `max.batch.size={batch_events}`, `linger.ms={linger}`, `batch.size={batch_bytes}`.
- **Comparison:** the best of {repeats} repeats. Lost or misplaced events fail a drain.

`make bench-relay` repeats it in about 20 minutes, on an idle machine, and writes everything to
`build/benchmarks/relay.json`. With `OPTIONS="--only …"` or another size it leaves this page alone.
"""


def benchmark_page(content: dict[str, Any]) -> str:
    """The page for what :func:`tests.benchmarks.relay.report.results_as_json` returned of a complete run."""
    settings, scale, machine = content["settings"], content["scale"], content["machine"]
    connector, worker = settings["debezium"]["connector"], settings["debezium"]["worker"]
    return _TEMPLATE.format(
        **{name: machine[name] for name in ("kafka", "kafka_python", "python", "debezium")},
        **{name: scale[name] for name in ("events", "large_backlog", "kept_rows", "latency_seconds")},
        date=content["measured_on"],
        rows="\n".join(_row(name, ratio) for name, ratio in content["ratios"].items()),
        remarks=_remarks(content),
        machine=" of ".join(filter(None, [f"{machine['cores']} cores", machine["processor"]])),
        postgresql=machine["postgresql"].removeprefix("postgres ").replace("(PostgreSQL)", "PostgreSQL"),
        partitions=settings["topic"]["partitions"],
        value_bytes=settings["backlog"]["value_bytes"],
        rate=settings["latency"]["events_per_second"],
        shards=settings["outbox"]["shards"],
        start=_STARTS[scale["debezium_start"]],
        poll_interval=connector["poll.interval.ms"],
        batch_events=connector["max.batch.size"],
        linger=worker["producer.linger.ms"],
        batch_bytes=worker["producer.batch.size"],
        heap=_heap_limit(settings["debezium"]["java"]),
        repeats=content["repeats"],
    )


def _heap_limit(java_options: list[str]) -> str:
    return next(option.removeprefix("-Xmx") for option in java_options if option.startswith("-Xmx"))


def _row(name: str, ratio: dict[str, Any]) -> str:
    decimals = 0 if ratio["figure"] == RATE else 1
    figures = " / ".join(f"{ratio[part]['best']:,.{decimals}f}" for part in ("dividend", "divisor"))
    goal = ratio["goal"].replace(">= ", "≥ ").replace("<= ", "≤ ")
    missed = "" if ratio["met"] else ", **missed**"
    what = f"`{name}`: {ratio['what']}"
    return f"| {what} | {figures} {UNITS[ratio['figure']]} | {ratio['value']:.2f}, {goal}{missed} |"


def _remarks(content: dict[str, Any]) -> str:
    spread = max(ratio["worst_repeat_by_best"] for ratio in content["ratios"].values()) - 1
    remarks = [f"Repeats of one measurement differ by up to {spread:.0%}."]
    if content["disturbed"]:
        remarks.append(f"Another program used the machine before: {', '.join(content['disturbed'])}.")
    return " ".join(remarks)
