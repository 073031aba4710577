"""Field types of this service's bodies and events."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from servicekit.fields import Time

# The years keep every offset's UTC within what Python and PostgreSQL can hold.
_RFC3339 = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _written_time(value: Any) -> Any:
    # Anything else might pass for a time too: pydantic takes a number for seconds since 1970.
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a time with an offset as in RFC 3339, of the years 1000 to 2999")
    return value


WrittenTime = Annotated[Time, BeforeValidator(_written_time)]
"""A time as RFC 3339 writes it, in a string and with its offset."""
