"""When a provider is asked for the final result of what it accepted."""

_FIRST_SECONDS = 5.0
_FRESH_SECONDS = 120.0
_FRESH_CAP_SECONDS = 30.0
_CAP_SECONDS = 60.0


def pause_before_question(asked: int, accepted_seconds: float) -> float:
    """Seconds until the next question, after ``asked`` of them, so long after the acceptance.

    Doubling from 5 s to 30 s in the first two minutes, then to 60 s. Without any webhook, a result is known
    about a minute after the provider has it, and within two if the first question for it fails.
    """
    cap_seconds = _FRESH_CAP_SECONDS if accepted_seconds < _FRESH_SECONDS else _CAP_SECONDS
    # Without a limit, the power would overflow a float.
    return min(cap_seconds, _FIRST_SECONDS * 2.0 ** min(asked, 32))
