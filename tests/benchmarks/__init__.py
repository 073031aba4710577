"""What is measured, each with a command of its own; pytest collects nothing here."""
