"""Several relays of one source, and the shards that each of them says it leads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from outbox_relay.postgresql.lag import measure
from tests.support.relay.outbox import Outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.waiting import wait_until


@contextmanager
def a_relay_of(outbox: Outbox, directory: Path, servers: str, **settings: object) -> Iterator[RelayProcess]:
    """One relay of this outbox, whose source is named ``test``."""
    with a_relay_process(directory, servers, {"test": outbox.relay_url}, **settings) as relay:
        yield relay


def source(relay: RelayProcess) -> dict[str, Any]:
    """The source as the relay describes it."""
    reply = httpx.get(f"{relay.url}/api/v1/relay/sources", timeout=5).raise_for_status()
    (entry,) = reply.json()["sources"]
    return dict(entry)


def led(relay: RelayProcess) -> set[int]:
    """The shards that the relay says it leads."""
    return {shard["shard"] for shard in source(relay)["shards"] if shard["isLeader"]}


def parts(relays: Sequence[RelayProcess], shards: int) -> list[int]:
    """How many shards each leads, the fewest first; empty while any is led by none or by two."""
    own = [led(relay) for relay in relays]
    whole = set().union(*own) == set(range(shards)) and sum(map(len, own)) == shards
    return sorted(map(len, own)) if whole else []


def wait_for_parts(relays: Sequence[RelayProcess], expected: Sequence[int]) -> None:
    """Until so many shards each are led."""
    wait_until(
        lambda: parts(relays, sum(expected)) == list(expected), f"parts of {expected}", timeout_seconds=60
    )


def wait_until_idle(outbox: Outbox, timeout_seconds: float = 60.0) -> None:
    """Until every cursor has passed everything that is in the outbox now.

    The relay's own figure is older, perhaps from before the events were written.
    """

    def waiting() -> int:
        open_windows = outbox.run("SELECT FROM outbox_cursor WHERE window_snapshot IS NOT NULL")
        return len(open_windows) + sum(shard.events for shard in measure(outbox.engine).shards)

    wait_until(lambda: waiting() == 0, "nothing to wait", timeout_seconds)


def wait_until_ready(*relays: RelayProcess, timeout_seconds: float = 60.0) -> None:
    """Until each is ready, without having been restarted."""
    for relay in relays:
        wait_until(lambda: not failing(relay), f"{relay.pid} to be ready", timeout_seconds)  # noqa: B023 - used at once


def failing(relay: RelayProcess) -> dict[str, str]:
    """The checks of readiness that fail, with their reasons."""
    _, checks = relay.readiness()
    return {name: check.get("reason", "") for name, check in checks.items() if check["status"] != "ok"}
