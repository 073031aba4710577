"""What operators do over HTTP, as the commands of ``notification-service deliveries`` do it."""
