"""The units of figures."""

UNITS = {"seconds": "s", "events_per_second": "events/s", "p50_ms": "ms", "p99_ms": "ms", "resident_mb": "MB"}
