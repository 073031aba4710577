"""Writes of the coupon service while old rows are removed: ``python -m tests.benchmarks.retention``."""
