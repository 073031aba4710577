"""Codes. Public sources disagree on all but 0, so clients can only tell success from failure."""

from provider_sandbox.providers.outcomes import ResultCodes

SUCCESS = 0
INVALID_REQUEST = -99
UNAUTHORIZED = -101
TEXT_MISMATCH = "3016"

DELIVERY = ResultCodes(success="0", unknown=frozenset({"3005"}), mismatch=TEXT_MISMATCH)
