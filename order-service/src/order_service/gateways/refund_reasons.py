"""The reasons of refunds. Gateways keep them and give a refund no name of the shop's: ours end with one."""

import re

from order_service.domain.refund_request import RefundRequest

_LONGEST_REASON = 200
_ID = re.compile(r"\[[0-9a-f]{32}\]$")


def reason_of(request: RefundRequest) -> str:
    """What the gateway keeps as the reason. It ends with the refund's id, whatever the shop's reason is."""
    suffix = f" [{request.refund_id.hex}]"
    return request.reason[: _LONGEST_REASON - len(suffix)] + suffix


def names(reason: str, request: RefundRequest) -> bool:
    """Whether it is the reason of that refund."""
    return reason.endswith(f"[{request.refund_id.hex}]")


def names_none(reason: str) -> bool:
    """Whether it is the reason of a refund that was made by hand, or of one of ours that was changed."""
    return _ID.search(reason) is None
