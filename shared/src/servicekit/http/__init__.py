"""What every Flask service here has: health, problems, request ids, OpenAPI, and a server to run on."""
