"""A phone number in a text, however it is written.

What receivers reply is logged without anything that may be it. Of what operators wrote about others, only the
whole number is removed.
"""

import re
import unicodedata

# Of a number's end: enough to find it by, whether or not it begins with its country's code.
_SIGNIFICANT_DIGITS = 8
# What isn't a letter or a digit, also as URLs and JSON write it; JSON's digits of full width are digits. The
# limit, and reading a run in one way only (``+``), keep the time that a long text takes proportional to it.
_FULL_WIDTH = r"\\u[fF]{2}1[0-9]"
_BETWEEN = rf"(?:(?!{_FULL_WIDTH})(?:%[0-9A-Fa-f]{{2}}|\\u[0-9A-Fa-f]{{4}}|\\.|[^\w\\]|_)){{0,40}}+"
_FULL_WIDTH_ZERO = 0xFF10
_DIGIT = "[0-9\uff10-\uff19]"
# The end of a number: other people's are written in other groups, with the same digits.
_LAST_GROUP_DIGITS = 4
# What an escaped sign ends with is no digit of a number.
_BEGINS = rf"(?:(?<!{_DIGIT})|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\u[0-9A-Fa-f]{{4}}))"
# Without a prefix, it must not be the rest of a longer one.
_BEGINS_ALONE = rf"(?<!{_DIGIT})(?<!{_DIGIT}[-./_)\s])(?<!{_DIGIT}\)\s)"
_ENDS_ALONE = rf"(?![-./_]?{_DIGIT})"


def without_number(text: str, phone: str, removed: str) -> str:
    """``text`` with ``removed`` in place of the number, wherever at least its last eight digits stand."""
    digits = [unicodedata.digit(one) for one in phone if one.isdecimal()][-_SIGNIFICANT_DIGITS:]
    if not digits:
        return text
    return re.sub(_BETWEEN.join(map(_written, digits)), removed, text)


def without_whole_number(text: str, country_code: int, significant: str, removed: str) -> str:
    """``text`` with ``removed`` in place of the number, where all of it stands and no other number's part.

    ``significant`` is what follows the country's code, or the 0 that is dialled inside it.
    """
    code, zero = "".join(map(_written, map(int, str(country_code)))), _written(0)
    digits = [_written(int(digit)) for digit in significant]
    number = _BETWEEN.join([*digits[:-_LAST_GROUP_DIGITS], "".join(digits[-_LAST_GROUP_DIGITS:])])
    # From abroad also behind 00, 001 and the like.
    abroad = rf"(?:{zero}{zero}{_DIGIT}{{0,3}}{_BETWEEN})?{code}{_BETWEEN}{zero}?"
    prefixed = rf"\(?(?:[+\uff0b]|%2[Bb])?{_BEGINS}(?:{abroad}|{zero}){_BETWEEN}{number}(?!{_DIGIT})"
    return re.sub(rf"{prefixed}|{_BEGINS_ALONE}{number}{_ENDS_ALONE}", removed, text)


def _written(digit: int) -> str:
    full_width = _FULL_WIDTH_ZERO + digit
    return rf"(?:{digit}|{chr(full_width)}|\\u(?i:{full_width:x}))"
