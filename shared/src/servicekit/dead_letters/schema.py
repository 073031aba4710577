"""Versions of the table of handled dead letters."""

from servicekit.db.schema import SchemaFamily

# Not among a service's own families: only the command needs it, and checks it itself.
HANDLED_DEAD_LETTERS = SchemaFamily("handled_dead_letter", "servicekit.dead_letters", needs=1)
