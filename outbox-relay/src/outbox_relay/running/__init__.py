"""The process at work: who does what when, and what it tells of itself."""
