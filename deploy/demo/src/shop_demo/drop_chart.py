"""The drop over time: presses sent, accepted and decided. What lies between two lines waits."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import plotille
from matplotlib.figure import Figure
from rich.text import Text

from shop_demo.facts import CouponFacts

_WIDTH, _HEIGHT = 56, 12


def curves(facts: CouponFacts) -> Mapping[str, list[float]]:
    """When each accepted press was sent, accepted and decided: in ms since the first was sent, sorted."""
    begin_ns = min((press.sent_at_ns for press in facts.presses), default=0)
    decided = (facts.reported[press.request_id].decided_at for press in facts.presses)
    return {
        "sent": _since(begin_ns, (press.sent_at_ns for press in facts.presses)),
        "accepted": _since(begin_ns, (press.answered_at_ns for press in facts.presses)),
        "decided": _since(
            begin_ns, (round(at.timestamp() * 1e6) * 1_000 for at in decided if at is not None)
        ),
    }


def drop_chart(facts: CouponFacts) -> Text:
    """A chart for a terminal of 80 columns. Without colours, the lines stand in the legend's order."""
    times = curves(facts)
    figure = plotille.Figure()
    figure.width, figure.height = _WIDTH, _HEIGHT
    figure.x_label, figure.y_label = "ms", "presses"
    figure.color_mode = "names"
    figure.register_label_formatter(float, _whole)
    figure.register_label_formatter(int, _whole)
    figure.set_x_limits(0, max([1.0, *(at for values in times.values() for at in values)]))
    figure.set_y_limits(0, max(1, len(facts.presses)))
    for (name, values), colour in zip(times.items(), ("white", "cyan", "green"), strict=True):
        figure.plot([0, *values], range(len(values) + 1), lc=colour, label=name)
    return Text.from_ansi(figure.show(legend=True))


def write_picture(facts: CouponFacts, path: Path) -> None:
    """Write the same as an SVG file."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, values in curves(facts).items():
        axes.step([0, *values], range(len(values) + 1), where="post", label=name)
    axes.set(xlabel="ms since the first press", ylabel="presses", title="The drop")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg")


def _since(begin_ns: int, times_ns: Iterable[int]) -> list[float]:
    return sorted(max(0, at - begin_ns) / 1e6 for at in times_ns)


def _whole(value: float, chars: int, *, delta: float, left: bool = False) -> str:
    return f"{value:,.0f}".ljust(chars) if left else f"{value:,.0f}".rjust(chars)
