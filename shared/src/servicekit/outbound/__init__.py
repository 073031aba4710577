"""Calls to external services over HTTP that end in time and take a bounded amount of memory."""
