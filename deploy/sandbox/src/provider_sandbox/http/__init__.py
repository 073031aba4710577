"""The sandbox's resources, one a file."""
