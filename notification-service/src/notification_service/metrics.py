"""What operators see of notifications. Every consumer shows the same gauges: they are the database's."""

from functools import cache

from prometheus_client import Counter, Gauge

from notification_service.domain.notification_figures import NotificationFigures
from notification_service.domain.provider_call import Call, CallOutcome
from notification_service.domain.provider_state import ProviderStatus, in_use
from servicekit.observability.figures import note_measured, show_age

_SUSPENDED = Gauge(
    "alimtalk_provider_suspended", "1 while only a human can mend the provider; messages wait.", ["provider"]
)
_OPEN = Gauge("alimtalk_breaker_open", "1 while the provider's calls fail; messages wait.", ["provider"])
_REFUSES = Gauge(
    "alimtalk_questions_refused",
    "1 while the provider refuses our key look-ups, or results; it may take messages.",
    ["provider", "questions"],
)
_IN_USE = Gauge(
    "alimtalk_provider_in_use",
    "1 of the provider that new messages go to; a second one (place 2) sends while the first is down.",
    ["provider", "place"],
)
_WAIT_SECONDS = Gauge(
    "alimtalk_limit_wait_seconds", "How long a message would wait for the provider's limit.", ["provider"]
)
_CALLS = Counter("alimtalk_calls", "Attempts that called the provider.", ["provider", "outcome"])
_NEED_OPERATOR = Gauge(
    "deliveries_needing_operator", "Deliveries of unknown outcome whose provider can't be asked."
)
_UNDELIVERED = Gauge(
    "deliveries_undelivered_in_a_day",
    "Deliveries that ended within 24 h, EXPIRED or GIVEN_UP; not those that an operator ended.",
    ["status"],
)
_FAILED = Gauge("alimtalk_failed_in_an_hour", "Alimtalk that failed for good within an hour.")
_FAILED_IN_A_ROW = Gauge(
    "alimtalk_failed_in_a_row",
    "Alimtalk that failed within 24 h, and over 5 minutes ago, behind the last order whose one was delivered;"
    " refused ones, also behind the last accepted.",
)
_UNREPORTED_IN_A_ROW = Gauge(
    "alimtalk_unreported_in_a_row",
    "Alimtalk accepted 2 h ago without a final result, behind the last order whose one was delivered; 100 at"
    " most.",
)
_OVERDUE = Gauge("deliveries_overdue", "Deliveries due, or tried in vain, for longer than 15 minutes.")

_CRASHES = Counter("effect_crashes", "Unforeseen errors of the work on an effect.", ["effect"])
_OLDEST_NOTICE = Gauge(
    "alert_notice_waiting_seconds", "How long the oldest notice of an alert waits to be received."
)
_FIGURES = "notifications"


def expect_figures() -> None:
    """Until they are measured they are as old as the process."""
    note_measured(_FIGURES)


def show_figures(figures: NotificationFigures) -> None:
    used = in_use(figures.providers)
    for place, provider in enumerate(figures.providers, 1):
        _IN_USE.labels(provider.name, str(place)).set(used is not None and used.name == provider.name)
        _SUSPENDED.labels(provider.name).set(provider.status is ProviderStatus.SUSPENDED)
        _OPEN.labels(provider.name).set(provider.status is ProviderStatus.OPEN and not provider.is_idle)
        _REFUSES.labels(provider.name, "look-ups").set(provider.look_ups_refused is not None)
        _REFUSES.labels(provider.name, "results").set(provider.results_refused is not None)
        _WAIT_SECONDS.labels(provider.name).set(provider.wait_seconds)
    _NEED_OPERATOR.set(figures.deliveries.needing_operator)
    _FAILED.set(figures.deliveries.failed)
    _FAILED_IN_A_ROW.set(figures.deliveries.failed_in_a_row)
    _UNREPORTED_IN_A_ROW.set(figures.deliveries.unreported_in_a_row)
    _OVERDUE.set(figures.deliveries.overdue)
    _UNDELIVERED.labels("EXPIRED").set(figures.deliveries.expired)
    _UNDELIVERED.labels("GIVEN_UP").set(figures.deliveries.given_up)
    show_age(_OLDEST_NOTICE, figures.oldest_notice_seconds)
    note_measured(_FIGURES)


def count_crash(effect: str) -> None:
    _CRASHES.labels(effect).inc()


def count_call(provider: str, call: Call) -> None:
    _calls(provider, call.outcome).inc()


# Finding it takes longer than counting.
@cache
def _calls(provider: str, outcome: CallOutcome) -> Counter:
    return _CALLS.labels(provider, outcome.value)
