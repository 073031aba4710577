"""Logs, metrics and traces, alike in every process."""
