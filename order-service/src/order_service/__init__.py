"""Orders and payments: a payment, its order and the OrderCompleted event commit together."""
