"""Numbers that can get an alimtalk."""

import re

_KOREAN_MOBILE_NUMBER = re.compile(r"(?:\+?82|0)1[016789][0-9]{7,8}")


def is_korean_mobile(number: str) -> bool:
    """In digits; with or without Korea's country code."""
    return _KOREAN_MOBILE_NUMBER.fullmatch(number) is not None
