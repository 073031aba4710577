"""What can go wrong with the demo itself, as opposed to the system that it watches."""


class DemoError(Exception):
    """The demo cannot go on."""


class BadInput(DemoError):
    """The input is wrong: nothing has been started, and nothing sent."""


class AnotherDemoRuns(DemoError):
    """Two demos would take the stack down under each other: nothing has been started, and nothing sent."""


class NotAnswered(DemoError):
    """A service gave no usable answer within the deadline."""


class Unexpected(DemoError):
    """A service answered something that the contract does not foresee."""
