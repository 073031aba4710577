"""Versions of the inbox."""

from servicekit.db.schema import SchemaFamily

INBOX = SchemaFamily("inbox", "servicekit.inbox", needs=4)
