"""The side of the topics: the only producer of events in the whole system."""
