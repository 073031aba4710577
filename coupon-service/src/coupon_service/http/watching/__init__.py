"""Server-sent events of requests: places in line, then the decision."""
