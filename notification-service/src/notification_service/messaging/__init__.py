"""Events as this service reads them."""
