"""Events from Kafka into commands."""
