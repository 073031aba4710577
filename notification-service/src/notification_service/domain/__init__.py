"""What follows a completed order, as plain values and rules."""
