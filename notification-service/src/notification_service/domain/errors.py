"""What can go wrong when an effect reaches for the outside."""


class NotificationError(Exception):
    """Something about a notification went wrong."""


class DeliveryFailed(NotificationError):
    """An attempt to deliver an effect did not succeed."""


class NotBegun(NotificationError):
    """This attempt was no longer allowed to send, and has sent nothing that the other side could take."""


class DeliveryRefused(DeliveryFailed):
    """The other side refused for good: the same attempt would be refused again."""


class DeliveryUnavailable(DeliveryFailed):
    """The other side did not take it, and may take it later.

    ``retry_after_seconds`` is what the other side asked for, if it did.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class OutcomeUnknown(DeliveryFailed):
    """The other side may have taken it: the reply was lost, or too late, or made no sense."""
