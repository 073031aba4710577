"""The coupon service, over HTTP."""
