"""Being a client of a Kafka cluster: how to reach it, whether it answers, and which topics it has."""
