"""The command."""

from tests.benchmarks.benchmark import Benchmark
from tests.benchmarks.coupon.servers import POSTGRESQL_SETTINGS
from tests.benchmarks.payments.paying import measure_fast, measure_steady
from tests.benchmarks.payments.plan import QUICK, ROWS, Measurement, Scale, kept
from tests.benchmarks.payments.recovery import measure_backlog, measure_recovery
from tests.benchmarks.payments.webhooks import measure_calm, measure_storm, measure_webhooks
from tests.benchmarks.payments.world import API

BENCHMARK = Benchmark(
    name="payments",
    about="Measure payments at a sandbox of their gateway on embedded servers, and compare with the goals.",
    rows=ROWS,
    procedures={
        Measurement.STEADY: measure_steady,
        Measurement.FAST: measure_fast,
        Measurement.RECOVERY: measure_recovery,
        Measurement.BACKLOG: measure_backlog,
        Measurement.WEBHOOKS: measure_webhooks,
        Measurement.CALM: measure_calm,
        Measurement.STORM: measure_storm,
    },
    full=Scale(),
    quick=QUICK,
    keep=kept,
    settings={"api": API, "postgresql": POSTGRESQL_SETTINGS},
)

if __name__ == "__main__":
    BENCHMARK.command()()
