"""A sandbox for outside parties: an alimtalk provider and a receiver of monitoring webhooks."""
