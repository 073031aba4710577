"""Codes of requests (A…) and of deliveries."""

from provider_sandbox.providers.outcomes import ResultCodes

ACCEPTED = "A000"
"""Taken in, which is not delivered."""
INVALID_RECIPIENT = "A001"
TEXT_MISMATCH = "3016"

DELIVERY = ResultCodes(success="0000", unknown=frozenset({"3005"}), mismatch=TEXT_MISMATCH)
