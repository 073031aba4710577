"""SOLAPI, messages v4."""
