"""The monitoring effect's adapter."""
