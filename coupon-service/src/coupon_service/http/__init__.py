"""The HTTP API: routes by resource, bodies and replies as JSON, and errors as problems."""
