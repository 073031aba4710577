"""The API's resources, one a file."""
