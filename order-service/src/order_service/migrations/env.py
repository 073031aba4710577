"""Alembic's entry point."""

from alembic import context

from servicekit.db.migrations import run_in_environment

run_in_environment(context)
