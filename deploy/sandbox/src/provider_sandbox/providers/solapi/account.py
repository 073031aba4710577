"""The sandbox's account: constants that a client configures."""

API_KEY = "SANDBOXSOLAPIKEY"
API_SECRET = "SANDBOXSOLAPISECRET0000000000000"  # noqa: S105 - a public constant
ACCOUNT_ID = "26010100000000"
PF_ID = "KA01PF260101000000000SANDBOX"
SENDER_NUMBER = "0215880000"
"""The only registered number."""
WEBHOOK_TOKEN = "sandbox-solapi-webhook-token"  # noqa: S105 - a public constant
