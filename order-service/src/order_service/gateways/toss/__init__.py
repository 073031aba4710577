"""Toss Payments, whose API is of version 2022-11-16 or newer."""
