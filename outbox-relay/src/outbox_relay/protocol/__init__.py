"""What a relay does, and in which order. PROTOCOL.md says why it is right."""
