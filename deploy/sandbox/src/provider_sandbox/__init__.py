"""A sandbox for external services: alimtalk providers and a receiver of monitoring webhooks."""
