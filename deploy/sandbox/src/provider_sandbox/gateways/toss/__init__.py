"""Toss Payments."""
