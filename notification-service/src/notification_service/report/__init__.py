"""A day's report, for a terminal and as a page."""
