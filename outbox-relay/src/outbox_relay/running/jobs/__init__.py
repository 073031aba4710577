"""The periodic work of a relay, one class a job; ``run_once()`` does it and returns what was done."""
