"""Collects what does not add up, in words."""

from collections.abc import Iterable, Mapping


class Findings:
    def __init__(self) -> None:
        self._problems: list[str] = []

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(self._problems)

    def expect(self, what: str, *, expected: object, found: object) -> None:
        if found != expected:
            self._problems.append(f"{what}: expected {_shown(expected)}, found {_shown(found)}")

    def expect_within(
        self, what: str, *, least: Mapping[str, int], most: Mapping[str, int], found: Mapping[str, int]
    ) -> None:
        """Sums by currency; one that is missing is 0."""
        wrong = [
            currency
            for currency in sorted({*least, *most, *found})
            if not least.get(currency, 0) <= found.get(currency, 0) <= most.get(currency, 0)
        ]
        for currency in wrong:
            bounds = f"{least.get(currency, 0):,} to {most.get(currency, 0):,}"
            self._problems.append(f"{what}, {currency}: expected {bounds}, found {found.get(currency, 0):,}")

    def expect_none(self, what: str, offenders: Iterable[object]) -> None:
        """Nothing of the kind `what` may exist; the first offenders are named."""
        found = list(offenders)
        if found:
            first = ", ".join(map(str, found[:3]))
            self._problems.append(f"{what}: {len(found):,} ({first}{', …' if len(found) > 3 else ''})")

    def expect_same_ids(self, what: str, *, expected: Iterable[str], found: Iterable[str]) -> None:
        wanted, seen = set(expected), set(found)
        self.expect_none(f"{what}, missing", sorted(wanted - seen))
        self.expect_none(f"{what}, unexpected", sorted(seen - wanted))


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
