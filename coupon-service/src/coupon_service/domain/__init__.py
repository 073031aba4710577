"""The rules of first-come-first-served coupons, free of frameworks."""
