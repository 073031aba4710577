"""Result codes of the API and of deliveries, and what they say."""

from provider_sandbox.providers.outcomes import ResultCodes

SUCCESS = 0
INVALID_PARAMETER = 4
INVALID_APP_KEY = -1000
INVALID_SECRET_KEY = -1001
KEY_USED_ALREADY = -1005
INACTIVE_SENDER = -1014
DAILY_VOLUME_EXCEEDED = -1017
ALL_RECIPIENTS_FAILED = -1031
TEMPLATE_NOT_FOUND = -3003
TEMPLATE_PARAMETER_MISSING = -3004
TEMPLATE_NOT_APPROVED = -3005
CONTENT_MISMATCH = -3010
INVALID_RECIPIENT = -4019
OUT_OF_SERVICE = -9999

_MESSAGES = {
    SUCCESS: "SUCCESS",
    INVALID_PARAMETER: "Parameter validation failed",
    INVALID_APP_KEY: "Invalid appkey",
    INVALID_SECRET_KEY: "Invalid secret key",
    KEY_USED_ALREADY: "The idempotency key was used within 10 minutes",
    INACTIVE_SENDER: "The sender profile is not active",
    DAILY_VOLUME_EXCEEDED: "Sending in excess of daily volume failed",
    ALL_RECIPIENTS_FAILED: "All recipients failed",
    TEMPLATE_NOT_FOUND: "The template does not exist",
    TEMPLATE_PARAMETER_MISSING: "A template parameter is missing",
    TEMPLATE_NOT_APPROVED: "The template is not approved",
    CONTENT_MISMATCH: "The content differs from the template",
    INVALID_RECIPIENT: "Invalid recipient number",
    OUT_OF_SERVICE: "Out of service",
}

DELIVERY = ResultCodes(success="1000", unknown=frozenset({"3005"}))


def message_of(code: int) -> str:
    return _MESSAGES.get(code, "Failed on demand")
