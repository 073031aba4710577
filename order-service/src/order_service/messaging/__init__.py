"""Events as other services read them."""
