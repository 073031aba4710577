"""Who can get an alimtalk: KakaoTalk knows people by their Korean mobile number. Others may get an SMS."""

import re
from functools import lru_cache

from phonenumbers import NumberParseException, national_significant_number, parse

_MOBILE = re.compile(r"1[016789][0-9]{7,8}")
# A safe number is forwarded by an operator, messages included, and KakaoTalk knows nobody by it.
_SAFE = re.compile(r"50[0-9]{8,9}")
_KOREA = 82


def korean_mobile_number(phone: str) -> str | None:
    """``phone`` as digits with the leading 0; None if it is no Korean mobile number.

    It may be international (``+82…``) or national, with any separators.
    """
    return _korean_number(phone, _MOBILE)


def safe_number(phone: str) -> str | None:
    """The same for a Korean safe number (050), which can get an SMS."""
    return _korean_number(phone, _SAFE)


# A message's number is read again at each step of its attempt. No more than what is under way is kept.
@lru_cache(maxsize=512)
def _korean_number(phone: str, kind: re.Pattern[str]) -> str | None:
    try:
        number = parse(phone, "KR")
    except NumberParseException:
        return None
    significant = national_significant_number(number)
    if number.country_code != _KOREA or number.extension or not kind.fullmatch(significant):
        return None
    return f"0{significant}"
