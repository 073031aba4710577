"""The side of the topics: the only producer of the whole system."""
