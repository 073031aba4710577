"""Failures of the demo itself, as opposed to those of the system that it watches."""


class DemoError(Exception):
    """The demo cannot go on."""


class BadInput(DemoError):
    """The input is wrong: nothing has been sent."""


class AnotherDemoRuns(DemoError):
    """Another demo uses the same stack: nothing has been sent."""


class NotAnswered(DemoError):
    """A service gave no usable answer within the deadline."""


class Unexpected(DemoError):
    """A service gave an answer that the contract does not foresee."""
