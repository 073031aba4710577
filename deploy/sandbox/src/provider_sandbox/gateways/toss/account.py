"""The sandbox's account: constants that a client configures."""

SECRET_KEY = "test_sk_sandbox00000000000000000000"  # noqa: S105 - a public constant
MERCHANT_ID = "sandbox"
API_VERSION = "2024-06-01"
