"""The service's tables, and what is done with them."""
