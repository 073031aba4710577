"""``python -m tests.benchmarks.reconcile``: many clean requests, and then some faults among them."""
