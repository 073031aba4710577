"""Adapters to alimtalk providers, one a file; the port is in ``application/send_alimtalk.py``."""
