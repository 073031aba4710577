"""How large a page may be to be acknowledged before its deadline."""

_COMFORTABLE_PART = 1 / 3


class PageFit:
    """Pages shrink while they miss their deadline, and grow again while they keep well within it.

    A slow network or a broker's quota makes a page late that would arrive in the end. Repeated as large as it
    was, it would be late again.
    """

    def __init__(self, deadline_seconds: float) -> None:
        self._comfortable_seconds = deadline_seconds * _COMFORTABLE_PART
        self._most_events: int | None = None
        self._usual_events = 0

    @property
    def most_events(self) -> int | None:
        """The most events in a page; None while no page has been late."""
        return self._most_events

    def was_late(self, events: int, acknowledged: int) -> None:
        """Of a page of so many events so many were acknowledged in time."""
        self._usual_events = max(self._usual_events, events)
        half = max(1, events // 2)
        self._most_events = min(half, acknowledged) if acknowledged else half

    def was_in_time(self, events: int, seconds: float) -> None:
        """A page of so many events was acknowledged after so long."""
        if self._most_events is None or seconds > self._comfortable_seconds:
            return
        if 2 * events >= self._most_events:  # a page that is small for want of events proves nothing
            self._most_events *= 2
        if self._most_events >= self._usual_events:
            self._most_events, self._usual_events = None, 0
