"""Adapters to alimtalk providers, one a file, and what they share."""
