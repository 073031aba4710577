"""PortOne V2, in whose channels the shop confirms payments."""
