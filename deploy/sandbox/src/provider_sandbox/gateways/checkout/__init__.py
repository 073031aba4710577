"""The page that stands for a gateway's window: a person pays in a browser."""
