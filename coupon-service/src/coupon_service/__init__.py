"""First-come-first-served coupons: accepts requests over HTTP, decides them in order."""

__version__ = "0.1.0"
