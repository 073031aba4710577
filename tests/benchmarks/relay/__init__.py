"""The relay beside Debezium, and beside itself under conditions: ``python -m tests.benchmarks.relay``."""
