"""How a topic that is there differs from what is declared, and what each difference does to events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType

_FOREVER = -1
_ORDER_IS_LOST = (
    "a key's events may be read out of order around the change, "
    "because the key may have moved to another partition"
)


@dataclass(frozen=True, slots=True)
class PresentTopic:
    """A topic as the cluster has it."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    """Empty where the cluster doesn't let us read it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise than declared."""

    topic: str
    name: str
    found: str | None
    """None if the cluster doesn't say."""
    declared: str
    effect: str = ""
    """What it does, where that isn't plain."""
    is_option: bool = True
    """Whether setting an option of the topic mends it."""
    deletes_records: bool = False
    """Whether setting it may delete records that consumers have yet to read."""

    def __str__(self) -> str:
        found = "unknown (the user may not describe its configuration)" if self.found is None else self.found
        effect = f": {self.effect}" if self.effect else ""
        return f"topic {self.topic}: {self.name} is {found} instead of {self.declared}{effect}"


def describe(admin: Any, names: Sequence[str]) -> dict[str, PresentTopic]:
    """Those of these topics that are there."""
    found = {
        topic["name"]: topic["partitions"] for topic in admin.describe_topics() if topic["name"] in names
    }
    if not found:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
    configs = admin.describe_configs(resources, config_filter="all").get("topic", {})
    return {
        name: PresentTopic(
            name,
            len(partitions),
            min(len(partition["replica_nodes"]) for partition in partitions),
            {option: str(entry["value"]) for option, entry in configs.get(name, {}).items()},
        )
        for name, partitions in found.items()
    }


def compare(
    present: PresentTopic, partitions: int, replication: int, config: Mapping[str, str]
) -> Iterator[Difference]:
    """Everything that is otherwise than declared, but fewer partitions."""
    name = present.name
    if present.partitions > partitions:
        yield Difference(
            name, "partitions", str(present.partitions), str(partitions), _ORDER_IS_LOST, is_option=False
        )
    if present.replication < replication:
        yield Difference(
            name,
            "replication",
            str(present.replication),
            str(replication),
            "reassign its partitions with Kafka's own tools",
            is_option=False,
        )
    for option, declared in sorted(config.items()):
        found = present.config.get(option)
        if found != declared:
            yield _option(present, option, found, declared)


def set_configs(admin: Any, differences: Sequence[Difference]) -> list[str]:
    """Set these options; returns what the cluster refused, one line a topic."""
    options: dict[str, dict[str, str]] = {}
    for difference in differences:
        if difference.is_option:
            options.setdefault(difference.topic, {})[difference.name] = difference.declared
    if not options:
        return []
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, topic, dict(config)) for topic, config in options.items()
    ]
    answers = admin.alter_configs(resources, raise_on_unknown=False).get("topic", {})
    return [f"topic {topic}: {answer}" for topic, answer in answers.items() if answer != "OK"]


def _option(present: PresentTopic, option: str, found: str | None, declared: str) -> Difference:
    effect, is_settable, deletes = "", True, False
    if option == "cleanup.policy":
        effect = "a compacted topic loses events that a later one of the same key follows"
        deletes = "delete" in declared and "delete" not in (found or "")
    elif option in ("retention.ms", "retention.bytes"):
        deletes = found is None or _limit(declared) < _limit(found)
        if not deletes:
            effect = "a consumer that is away for longer loses events"
    elif option == "min.insync.replicas" and int(declared) > present.replication:
        # The broker would take it, and then no record.
        effect, is_settable = f"it has {present.replication} copies", False
    elif option == "compression.type":
        effect = "a consumer must be able to read this codec"
    if deletes:
        effect = ", and ".join(
            filter(None, [effect, "setting it deletes records beyond the retention, read or not"])
        )
    return Difference(present.name, option, found, declared, effect, is_settable, deletes)


def _limit(value: str) -> float:
    return float("inf") if int(value) == _FOREVER else int(value)
