"""JSON without what two readers may take differently.

Python's parser accepts NaN and Infinity, which RFC 8259 doesn't know, and of two members with the same name
takes the last, where others take the first.
"""

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """The value that ``text`` spells. Raises ValueError, also for what is nested too deeply."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return members


# Once: json.loads() would make one for each text, which takes as long as a small text.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates)
