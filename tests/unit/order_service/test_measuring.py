"""What the worker measures, one after the other."""

import pytest

from order_service.schedule import measure_each


def test_figures_that_can_not_be_counted_keep_no_others() -> None:
    counted: list[str] = []

    def fail() -> None:
        raise LookupError("no such table")

    with pytest.raises(LookupError, match="no such table"):
        measure_each([fail, lambda: counted.append("releases")])
    assert counted == ["releases"]
