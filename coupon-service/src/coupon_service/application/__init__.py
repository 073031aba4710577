"""The use cases. Only here are transactions committed."""
