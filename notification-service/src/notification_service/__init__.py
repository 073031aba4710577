"""What follows a completed order: alimtalk, analytics and monitoring, each exactly once."""
