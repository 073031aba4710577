"""A phone number in a text, however it is written: what receivers reply is logged without it."""

import re
import unicodedata

# Of a number's end: enough to find it by, whether or not it begins with its country's code.
_SIGNIFICANT_DIGITS = 8
# What isn't a letter or a digit, also as URLs and JSON write it; JSON's digits of full width are digits. The
# limit, and reading a run in one way only (``+``), keep the time that a long text takes proportional to it.
_FULL_WIDTH = r"\\u[fF]{2}1[0-9]"
_BETWEEN = rf"(?:(?!{_FULL_WIDTH})(?:%[0-9A-Fa-f]{{2}}|\\u[0-9A-Fa-f]{{4}}|\\.|[^\w\\]|_)){{0,40}}+"
_FULL_WIDTH_ZERO = 0xFF10


def without_number(text: str, phone: str, removed: str) -> str:
    """``text`` with ``removed`` in place of the number, wherever at least its last eight digits stand."""
    digits = [unicodedata.digit(one) for one in phone if one.isdecimal()][-_SIGNIFICANT_DIGITS:]
    if not digits:
        return text
    return re.sub(_BETWEEN.join(map(_written, digits)), removed, text)


def _written(digit: int) -> str:
    full_width = _FULL_WIDTH_ZERO + digit
    return rf"(?:{digit}|{chr(full_width)}|\\u(?i:{full_width:x}))"
