"""A sandbox for external services: an alimtalk provider and a receiver of monitoring webhooks."""
