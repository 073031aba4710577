"""The events that this service writes and reads."""
