"""The side of the outbox: statements, sessions, leadership, partitions, dead letters."""
