"""What an error of kafka-python means to a program that consumes: wait and go on, or end."""

from kafka import errors

# What the program itself got wrong in using the client or the protocol. Nothing that an operator or a broker
# does cures it, and it comes at once in any test, so to wait would only hide it.
_BUGS: tuple[type[errors.KafkaError], ...] = (
    errors.IllegalArgumentError,
    errors.IllegalStateError,
    errors.KafkaConfigurationError,
    errors.InvalidCommitOffsetSizeError,
    errors.InvalidGroupIdError,
    errors.InvalidRequiredAcksError,
    errors.InvalidTopicError,
    errors.OffsetMetadataTooLargeError,
)
# Raised before a record is sent, or by the broker for its batch: a smaller record may pass.
_TOO_LARGE: tuple[type[errors.KafkaError], ...] = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
)


def may_pass(error: BaseException) -> bool:
    """True when Kafka or the network is the cause, so that the same call may succeed later.

    That is the answer for every error that isn't known, also for numbers that a newer broker sends and
    kafka-python has no class for. Waiting loses nothing: offsets stay where they are, metrics and readiness
    name the error, and the work goes on once the cause is gone (a fail-over, a permission, a topic, a quota).
    Ending would turn the same condition into a crash loop in which every start fails again.
    """
    if isinstance(error, errors.KafkaError):
        return not isinstance(error, _BUGS)
    # A socket's or TLS's own error, where kafka-python lets it through.
    return isinstance(error, OSError)


def is_too_large(error: BaseException) -> bool:
    """True when the record doesn't fit the client, the topic or the broker; a smaller one may."""
    return isinstance(error, _TOO_LARGE)
