"""What people ask of a relay, over HTTP and by commands."""
