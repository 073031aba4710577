"""Stand-ins for external services: alimtalk providers, payment gateways, a receiver of monitoring events."""
