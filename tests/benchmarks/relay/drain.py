"""How long it takes until a backlog is in Kafka, from the start of the process on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tests.benchmarks.relay.arrivals import Arrivals, read_arrivals
from tests.benchmarks.relay.backlog import write_backlog
from tests.benchmarks.relay.systems import Process, System
from tests.benchmarks.relay.topic_end import wait_for_records
from tests.benchmarks.relay.world import World
from tests.benchmarks.resources import Resources, resources

_SLOWEST_EVENTS_PER_SECOND = 1_000
_STARTING_SECONDS = 60


@dataclass(frozen=True)
class Drain:
    """Figures of one drain."""

    events: int
    seconds: float
    """From the start of the process to the arrival of the last event."""
    first_event_seconds: float
    events_per_second: float
    """From the first arrival to the last one."""
    resident_mb: float
    """Of all its processes, when the last event had arrived."""
    cpu_seconds: float
    machine_cpu_percent: float
    """How busy all cores were meanwhile, with servers; another relay could use what is missing to 100."""
    repeated_events: int
    bytes_an_event: float


def drain(world: World, system: System, events: int) -> Drain:
    """Raises ValueError when an event is lost or out of order, ChildProcessError when a process ends."""
    topic = world.new_topic()
    system.prepare(world)
    write_backlog(world, topic, events)
    used: list[Resources] = []
    busy_percent: list[float] = []

    def look() -> None:
        busy_percent.append(psutil.cpu_percent())
        used.append(resources(processes))

    started_at = time.time()
    psutil.cpu_percent()
    with system.run(world) as processes:
        wait_for_records(
            world.bootstrap_servers,
            topic,
            events,
            timeout_seconds=_STARTING_SECONDS + events / _SLOWEST_EVENTS_PER_SECOND,
            check=lambda: _check_alive(processes),
            on_enough=look,
        )
    arrivals = read_arrivals(world.bootstrap_servers, topic, events)
    return _figures(events, started_at, arrivals, used[0], busy_percent[0])


def _check_alive(processes: Sequence[Process]) -> None:
    for process in processes:
        if process.poll() is not None:
            raise ChildProcessError(f"{process.args!r} has ended with {process.returncode}")


def _figures(
    events: int, started_at: float, arrivals: Arrivals, used: Resources, busy_percent: float
) -> Drain:
    return Drain(
        events=events,
        seconds=arrivals.last_at - started_at,
        first_event_seconds=arrivals.first_at - started_at,
        events_per_second=rate(events, arrivals),
        resident_mb=used.resident_mb,
        cpu_seconds=used.cpu_seconds,
        machine_cpu_percent=busy_percent,
        repeated_events=arrivals.repeated,
        bytes_an_event=arrivals.bytes_an_event,
    )


def rate(events: int, arrivals: Arrivals) -> float:
    """Events per second from the first arrival to the last."""
    return events / max(arrivals.last_at - arrivals.first_at, 0.001)
