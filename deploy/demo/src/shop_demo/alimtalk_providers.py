"""The alimtalk providers that the sandbox stands for, as it calls them."""

FIRST, SECOND = "solapi", "nhn"
"""The second one sends while the first one is down."""
OWN = "sandbox"
"""The sandbox's own, of a stack with PROVIDERS=sandbox: it meets no faults, and its acceptance is final."""

SHOWN_AS = {FIRST: "SOLAPI", SECOND: "NHN Cloud", OWN: "the sandbox's own provider"}
