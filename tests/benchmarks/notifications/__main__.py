"""The command."""

from tests.benchmarks.benchmark import Benchmark
from tests.benchmarks.coupon.servers import POSTGRESQL_SETTINGS
from tests.benchmarks.notifications.effects import measure_effects, measure_without_inbox
from tests.benchmarks.notifications.limit import measure_limit
from tests.benchmarks.notifications.plan import QUICK, ROWS, Measurement, Scale, kept
from tests.benchmarks.notifications.provider_down import measure_provider_down
from tests.benchmarks.notifications.world import CONSUMERS

BENCHMARK = Benchmark(
    name="notifications",
    about="Measure the effects of completed orders on embedded servers, and compare with the goals.",
    rows=ROWS,
    procedures={
        Measurement.EFFECTS: measure_effects,
        Measurement.EFFECTS_WITHOUT_INBOX: measure_without_inbox,
        Measurement.PROVIDER_DOWN: measure_provider_down,
        Measurement.LIMIT: measure_limit,
    },
    full=Scale(),
    quick=QUICK,
    keep=kept,
    settings={"consumers": CONSUMERS, "postgresql": POSTGRESQL_SETTINGS},
)

if __name__ == "__main__":
    BENCHMARK.command()()
