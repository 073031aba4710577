from dataclasses import replace
from pathlib import Path

import pytest

from shop_demo.drop_chart import curves, drop_chart, write_picture
from tests.unit.shop_demo.builders import coupon_facts

pytestmark = pytest.mark.unit


def test_curves_count_from_the_first_press() -> None:
    times = curves(coupon_facts(users=3, stock=3, twice=0))
    assert times["sent"] == pytest.approx([0, 10, 20])
    assert times["accepted"] == pytest.approx([5, 15, 25])
    assert times["decided"] == pytest.approx([30, 40, 50])


def test_chart_reaches_the_number_of_presses_and_the_last_decision() -> None:
    lines = drop_chart(coupon_facts(users=1_100, stock=3, twice=100)).plain.splitlines()
    assert "1,200 |" in lines[1]
    # The last decision comes after 12,020 ms; the axis has its last mark before that.
    assert lines[-7].split()[-1] == "10,732"
    assert [line.split()[-1] for line in lines[-3:]] == ["sent", "accepted", "decided"]


def test_undecided_press_is_sent_and_accepted_only() -> None:
    facts = coupon_facts(users=2, stock=3, twice=0)
    undecided = {
        press.request_id: replace(facts.reported[press.request_id], decided_at=None)
        for press in facts.presses
    }
    assert [len(times) for times in curves(replace(facts, reported=undecided)).values()] == [2, 2, 0]


def test_nothing_accepted_gives_an_empty_chart(tmp_path: Path) -> None:
    nothing = replace(coupon_facts(), presses=())
    assert "decided" in drop_chart(nothing).plain
    write_picture(nothing, tmp_path / "drop.svg")
    assert "<svg" in (tmp_path / "drop.svg").read_text()


def test_picture_names_the_curves(tmp_path: Path) -> None:
    write_picture(coupon_facts(), tmp_path / "build" / "drop.svg")
    svg = (tmp_path / "build" / "drop.svg").read_text()
    assert all(f"<!-- {name} -->" in svg for name in ("sent", "accepted", "decided"))
