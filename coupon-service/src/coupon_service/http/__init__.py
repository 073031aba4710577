"""The API: requests into commands, results into replies."""
