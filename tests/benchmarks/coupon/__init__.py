"""Coupons at the size of a drop, beside usual designs: ``python -m tests.benchmarks.coupon``."""
