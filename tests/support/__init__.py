"""What tests share: servers, waiting, and reading a topic."""
