"""Who can get an alimtalk: KakaoTalk knows people by their Korean mobile number."""

import re

from phonenumbers import NumberParseException, national_significant_number, parse

# Prefixes of mobile numbers only. 050 is forwarded by an operator, and KakaoTalk knows nobody by it.
_MOBILE = re.compile(r"1[016789][0-9]{7,8}")
_KOREA = 82


def korean_mobile_number(phone: str) -> str | None:
    """``phone`` as digits with the leading 0; None if it is no Korean mobile number.

    It may be international (``+82…``) or national, with any separators.
    """
    try:
        number = parse(phone, "KR")
    except NumberParseException:
        return None
    significant = national_significant_number(number)
    if number.country_code != _KOREA or number.extension or not _MOBILE.fullmatch(significant):
        return None
    return f"0{significant}"
