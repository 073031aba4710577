"""How fast completed orders have their effects: ``python -m tests.benchmarks.notifications``."""
