"""A phone number that is the same however it is written."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self

from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneNumberMatch,
    PhoneNumberMatcher,
    country_code_for_region,
    is_valid_number,
    national_significant_number,
    parse,
)
from phonenumbers import PhoneNumber as ParsedNumber

from notification_service.domain.errors import NoPhoneNumber
from notification_service.domain.phone_spellings import without_whole_number

_HOME = "KR"
_HOME_CODE = country_code_for_region(_HOME)
# Whole blocks that are sold to, as order-service does, though the library calls parts of them unassigned.
_KOREAN = re.compile(r"10[0-9]{8}|50[0-9]{8,9}|1[568][0-9]{6}")
_TAIL_DIGITS = 8
_GROUP_DIGITS = 4
_BETWEEN = r"(?:[^\w]|_){0,5}"
# What a note beside the number has: digits of another number are never next to it.
_BEGINS = r"(?<![0-9])(?<![0-9][-./_])"
_BEGINS_WITHOUT_0 = rf"{_BEGINS}(?<![0-9]\s)"
_ENDS = r"(?![-./_]?[0-9])"
_NO_DIGITS = r"[^\d+]+"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number by its country's code and what is dialled there, without the 0 in front."""

    country_code: int
    significant: str

    @classmethod
    def of(cls, written: str) -> Self:
        """``+82 10-1234-5678`` and ``010.1234.5678`` are the same. Raises NoPhoneNumber."""
        number = _parsed(written)
        if number is None or not _can_exist(number):
            raise NoPhoneNumber
        return cls._of(number)

    @classmethod
    def _of(cls, number: ParsedNumber) -> Self:
        return cls(number.country_code or 0, national_significant_number(number))

    @property
    def tail(self) -> str:
        """The last digits, which every spelling has."""
        return self.significant[-_TAIL_DIGITS:]

    @property
    def international(self) -> str:
        """With the country's code, as in ``+821012345678``."""
        return f"+{self.country_code}{self.significant}"

    def is_in(self, field: str) -> bool:
        """Whether ``field``, which held a recipient's number, is this number.

        An extension doesn't matter, nor other numbers or a note beside it.
        """
        number = _parsed(field)
        if number is not None and self._of(number) == self:
            return True
        if self.country_code == _HOME_CODE:
            is_foreign = number is not None and number.country_code != _HOME_CODE
            return not is_foreign and self._stands_in(unicodedata.normalize("NFKC", field))
        found = PhoneNumberMatcher(field, _HOME, leniency=Leniency.POSSIBLE)
        return any(self._of(match.number) == self for match in found)

    def removed_from(self, text: str, removed: str) -> str:
        """``text`` with ``removed`` in place of this number, and all else that it says."""
        left = without_whole_number(text, self.country_code, self.significant, removed)
        # In odd groups or other digits. Rarely needed, and the library is slow.
        if self.tail not in "".join(str(unicodedata.decimal(one)) for one in left if one.isdecimal()):
            return left
        found = [match for match in PhoneNumberMatcher(left, _HOME, Leniency.POSSIBLE) if self._is(match)]
        for match in reversed(found):
            left = f"{left[: match.start]}{removed}{left[match.end :]}"
        return left

    def _is(self, match: PhoneNumberMatch) -> bool:
        return self._of(match.number) == self and not _begins_with_another(match.raw_string)

    def _stands_in(self, text: str) -> bool:
        # PhoneNumberMatcher would take the digits of a note for the number's last ones: 02-123-4567 8층.
        group = self.significant[-_GROUP_DIGITS:]
        digits = _BETWEEN.join([*self.significant[:-_GROUP_DIGITS], group])
        prefixed = rf"{_BEGINS}(?:82{_BETWEEN}0?|0){_BETWEEN}{digits}"
        return re.search(rf"(?:{prefixed}|{_BEGINS_WITHOUT_0}{digits}){_ENDS}", text) is not None


def _begins_with_another(written: str) -> bool:
    """Whether it is a whole number and digits of a note: ``02-123-4567 8층`` isn't ``02-1234-5678``."""
    groups = re.split(_NO_DIGITS, written)
    # Numbers end with a whole group: of 010-1234-56 78, no part is one.
    ends = [end for end in range(2, len(groups)) if len(groups[end - 1]) >= _GROUP_DIGITS]
    beginnings = [_parsed(" ".join(groups[:end])) for end in ends]
    return any(number is not None and _can_exist(number) for number in beginnings)


def _parsed(written: str) -> ParsedNumber | None:
    try:
        return parse(written, _HOME)
    except NumberParseException:
        return None


def _can_exist(number: ParsedNumber) -> bool:
    if number.country_code == _HOME_CODE and _KOREAN.fullmatch(national_significant_number(number)):
        return True
    return is_valid_number(number)
