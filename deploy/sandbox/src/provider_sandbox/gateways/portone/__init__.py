"""PortOne V2, with payments that the shop confirms."""
