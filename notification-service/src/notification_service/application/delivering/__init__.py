"""What delivering an effect is made of: the turns that a process holds, and the gate in front of them."""
