"""Adapters to alimtalk providers, one a file."""
