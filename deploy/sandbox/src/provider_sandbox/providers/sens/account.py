"""The sandbox's account: constants that a client configures."""

ACCESS_KEY = "SANDBOXSENSACCESSKEY"
SECRET_KEY = "SANDBOXSENSSECRETKEY000000000000"  # noqa: S105 - a public constant
SERVICE_ID = "ncp:kkobizmsg:kr:2601010:sandbox"
CHANNEL = "@sandbox"
SMS_NUMBER = "0215880000"
"""The only number that SMS can be sent from in place of a message."""
