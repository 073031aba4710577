"""The sandbox's account: constants that a client configures."""

API_KEY = "sandbox-aligo-apikey"
USER_ID = "sandbox"
SENDER_KEY = "a11600000000000000000000000000000000a116"
SENDER_NUMBER = "0215880000"
"""The only registered number."""
