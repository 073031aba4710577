"""Numbers that can get an alimtalk, or an SMS."""

import re

_SAFE_NUMBER = re.compile(r"(?:\+?82|0)50[0-9]{8,9}")
_KOREAN_MOBILE_NUMBER = re.compile(r"(?:\+?82|0)1[016789][0-9]{7,8}")


def is_korean_mobile(number: str) -> bool:
    """In digits; with or without Korea's country code."""
    return _KOREAN_MOBILE_NUMBER.fullmatch(number) is not None


def is_safe_number(number: str) -> bool:
    """In digits: one that an operator forwards."""
    return _SAFE_NUMBER.fullmatch(number) is not None
