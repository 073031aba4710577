"""Figures that are not measured any more show that they are old."""

from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from servicekit.observability.figures import note_measured, show_age
from tests.support.clock import Clock

SECONDS = "figures_seconds_since_measured"


def sample(registry: CollectorRegistry, name: str, labels: dict[str, str] | None = None) -> float | None:
    return registry.get_sample_value(name, labels)


def test_figures_get_older_until_they_are_measured_again() -> None:
    clock, labels = Clock(), {"figures": "test"}
    note_measured("test", clock=clock)
    clock.now += 700
    assert sample(REGISTRY, SECONDS, labels) == 700
    note_measured("test", clock=clock)
    assert sample(REGISTRY, SECONDS, labels) == 0


def test_age_grows_until_it_is_measured_again() -> None:
    clock, registry = Clock(), CollectorRegistry()
    gauge = Gauge("age_seconds", "An age.", registry=registry)
    show_age(gauge, 300.0, clock)
    clock.now += 7
    assert sample(registry, "age_seconds") == 307
    show_age(gauge, 0.0, clock)
    clock.now += 7
    assert sample(registry, "age_seconds") == 0
