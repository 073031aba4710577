"""The operators' side: commands and the HTTP API."""
