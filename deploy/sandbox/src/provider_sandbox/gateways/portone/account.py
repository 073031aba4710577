"""The sandbox's account: constants that a client configures."""

API_SECRET = "sandbox-portone-api-secret"  # noqa: S105 - a public constant
STORE_ID = "store-00000000-0000-4000-8000-000000000000"
MERCHANT_ID = "merchant-sandbox"
WEBHOOK_SECRET = "whsec_c2FuZGJveC1wb3J0b25lLXdlYmhvb2stc2VjcmV0"  # noqa: S105 - the same
FORGERS_SECRET = "whsec_bm90LXRoZS1zZWNyZXQtb2YtdGhlLXNhbmRib3gh"  # noqa: S105 - the same
