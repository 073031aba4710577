"""The ratios that follow from figures, and whether they meet their goals."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.relay.measuring import Figures, Results
from tests.benchmarks.relay.plan import GOAL_EVENTS, Measurement, Ratio, Scale, best

_IDLE_CPU_PERCENT = 20


@dataclass(frozen=True)
class Verdict:
    """``met`` is None where the goal doesn't apply, because something smaller was measured."""

    ratio: Ratio
    dividend: float
    divisor: float
    met: bool | None
    spread: float
    """The worst repeat divided by the best one, of whichever measurement has more of it."""

    @property
    def value(self) -> float:
        return self.dividend / self.divisor


def verdicts(ratios: Sequence[Ratio], results: Results, scale: Scale) -> list[Verdict]:
    """One a ratio, each of the best of its measurements' repeats."""
    return [_verdict(ratio, results, scale) for ratio in ratios]


def disturbed(results: Results) -> list[Measurement]:
    """What was measured while something else used the machine: such figures are rough."""
    return [
        measurement
        for measurement, repeats in results.items()
        if any(figures["others_cpu_percent"] > _IDLE_CPU_PERCENT for figures in repeats)
    ]


def _verdict(ratio: Ratio, results: Results, scale: Scale) -> Verdict:
    dividend = _best(ratio.figure, results[ratio.dividend])
    divisor = _best(ratio.figure, results[ratio.divisor])
    met = ratio.meets_goal(dividend / divisor) if scale.events == GOAL_EVENTS else None
    spread = max(_spread(ratio.figure, results[variant]) for variant in (ratio.dividend, ratio.divisor))
    return Verdict(ratio, dividend, divisor, met, spread)


def _spread(figure: str, repeats: Sequence[Figures]) -> float:
    values = [figures[figure] for figures in repeats]
    return max(values) / min(values)


def _best(figure: str, repeats: Sequence[Figures]) -> float:
    return best(figure, (figures[figure] for figures in repeats))
