"""``python -m tests.benchmarks.ledger``: a clean sealed ledger, and then some faults in it."""
