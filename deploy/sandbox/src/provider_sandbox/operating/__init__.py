"""What the operating endpoints of all sandboxes have in common."""
