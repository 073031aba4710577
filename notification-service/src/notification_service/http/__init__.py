"""The HTTP API: routes by resource, queries and replies, and errors as problems."""
