"""Why something isn't measured."""


class CannotRun(Exception):
    """The project has no such part yet."""


class ProgramMissing(Exception):
    """A program that measures isn't installed."""
