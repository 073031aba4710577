"""The use cases' ports on PostgreSQL."""
