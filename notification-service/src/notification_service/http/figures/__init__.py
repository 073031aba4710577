"""Lists of what analytics has counted, as JSON and as CSV."""
