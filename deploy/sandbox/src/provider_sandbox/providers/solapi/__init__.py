"""SOLAPI, messages v4: single requests and groups."""
