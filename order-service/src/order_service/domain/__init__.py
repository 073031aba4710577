"""Orders and payments as rules: pure, and free of frameworks."""
