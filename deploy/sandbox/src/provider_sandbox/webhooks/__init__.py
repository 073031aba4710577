"""Webhooks of all doubles: what is still to be called, and the thread that calls it."""
