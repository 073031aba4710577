"""Answers of 429 that come in a row."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Throttling:
    """A row of 429 in which the provider neither took nor refused a message.

    ``seconds`` counts from the first one. ``silent_seconds`` counts from the end of the pause that the last
    one asked for, and is negative during that pause.
    """

    answers: int
    seconds: float
    silent_seconds: float

    def followed_by(self, pause_seconds: float, longest_silence_seconds: float) -> "Throttling":
        """The row with another 429, which asks for a pause; a new row if too little was sent before it."""
        # While nothing was sent, the provider could take nothing.
        if self.silent_seconds > longest_silence_seconds:
            return first_throttling(pause_seconds)
        return replace(self, answers=self.answers + 1, silent_seconds=-pause_seconds)


def first_throttling(pause_seconds: float) -> Throttling:
    """A row of one."""
    return Throttling(1, 0.0, -pause_seconds)
