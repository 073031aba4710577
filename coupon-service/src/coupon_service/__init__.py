"""First-come-first-served coupons: accepts requests over HTTP, decides them in order."""
