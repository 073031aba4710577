"""Use cases, one a file. Only what is here commits."""
