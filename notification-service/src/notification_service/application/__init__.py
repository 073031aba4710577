"""The use cases, one a file. Only they commit."""
