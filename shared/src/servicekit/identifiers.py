"""Identifiers that sort by the time at which they were made."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> uuid.UUID:
    """A new UUID version 7 (RFC 9562, section 5.7): unique anywhere, and close together in an index."""
    return _uuid7()
