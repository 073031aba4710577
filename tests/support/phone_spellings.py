"""One mobile number as people, browsers and providers write it."""

PHONE = "010-1234-5678"
_SPELLINGS = (
    ("010-", "1234-5678"),
    ("010", "12345678"),
    ("010.", "1234.5678"),
    ("010 ", "1234 5678"),
    ("010/", "1234/5678"),
    ("010_", "1234_5678"),
    ("(010) ", "1234 - 5678"),
    ("+82 10-", "1234-5678"),
    ("+8210", "12345678"),
    ("8210", "12345678"),
    ("+82 (0)10 ", "1234 5678"),
    ("%2B82%2010%20", "1234%205678"),
    ("010\u2013", "1234\u20135678"),
    ("010\\u2013", "1234\\u20135678"),
    ("010\u200b", "1234\u200b5678"),
    ("010      ", "1234      5678"),
    ("010  \u2013  ", "1234  \u2013  5678"),
    ("010%20%20%20%20%20%20", "1234%20%20%20%20%20%205678"),
    ("\uff10\uff11\uff10-", "\uff11\uff12\uff13\uff14-\uff15\uff16\uff17\uff18"),
    ("\\uff10\\uff11\\uff10-", "\\uff11\\uff12\\uff13\\uff14-\\uff15\\uff16\\uff17\\uff18"),
)
SPELLINGS = tuple(head + tail for head, tail in _SPELLINGS)


def shows_number(text: str) -> bool:
    """Whether the digits that make the number one person's stand in ``text``, in any of these ways."""
    return any(tail in text for _, tail in _SPELLINGS)
