"""A phone number that is the same however it is written."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Self

from phonenumbers import (
    NumberParseException,
    is_valid_number,
    national_significant_number,
    parse,
)
from phonenumbers import PhoneNumber as ParsedNumber

from notification_service.domain.errors import NoPhoneNumber

_HOME = "KR"
_TAIL_DIGITS = 8


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A number by its country's code and what is dialled there, without the 0 in front."""

    country_code: int
    significant: str

    @classmethod
    def of(cls, written: str) -> Self:
        """``+82 10-1234-5678`` and ``010.1234.5678`` are the same. Raises NoPhoneNumber."""
        number = _parsed(written)
        if number is None or not is_valid_number(number):
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

        An extension doesn't matter. Where it holds more than one number, such as a note beside it, this
        number's digits decide.
        """
        number = _parsed(field)
        if number is not None and is_valid_number(number):
            return self._of(number) == self
        return self.significant in re.sub(r"\D", "", unicodedata.normalize("NFKC", field))


def _parsed(written: str) -> ParsedNumber | None:
    try:
        return parse(written, _HOME)
    except NumberParseException:
        return None
