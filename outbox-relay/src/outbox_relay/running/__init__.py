"""The running process: its jobs and their schedule, its status, readiness, metrics and shutdown."""
