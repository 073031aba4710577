"""The gateways, by the names in paths, controls and records."""

from typing import Literal, get_args

GatewayName = Literal["toss", "portone"]
GATEWAYS: tuple[GatewayName, ...] = get_args(GatewayName)
