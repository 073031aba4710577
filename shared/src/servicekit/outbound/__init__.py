"""Calls to external services over HTTP, each of which ends in time and takes a bounded amount of memory."""
