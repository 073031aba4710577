"""Stand-ins for payment gateways: no money, and what the real ones do when things go wrong."""
