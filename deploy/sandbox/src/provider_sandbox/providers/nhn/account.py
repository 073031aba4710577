"""The sandbox's account: constants that a client configures."""

APP_KEY = "sandbox-nhn-appkey"
SECRET_KEY = "sandbox-nhn-secret"  # noqa: S105 - a public constant
SENDER_KEY = "5a4db0c0de5a4db0c0de5a4db0c0de5a4db0c0de"
SMS_NUMBER = "0215880000"
"""The only number that SMS can be sent from in place of a message."""
WEBHOOK_SIGNATURE = "sandbox-nhn-webhook-signature"
CHANNEL = "@sandbox"
