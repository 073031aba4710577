"""The life of an alert: one notice as it begins, few while it lasts, one when it is over."""

from datetime import UTC, datetime, timedelta

from notification_service.domain.alert import Alert, NoticeKind, Seen
from notification_service.domain.alert_rule import AlertTiming

TIMING = AlertTiming(quiet=timedelta(minutes=60), recovered_after=timedelta(minutes=90))
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def seen(number: int = 1) -> Seen:
    return Seen(number, "too much", {"orders": number})


def test_what_is_seen_first_is_noticed_at_once() -> None:
    alert = Alert("large:KRW", "large")
    assert alert.due_notice(TIMING, at(0)) is None

    begun = alert.after(seen(3), at(0))

    assert begun.due_notice(TIMING, at(0)) is NoticeKind.FIRING
    assert (begun.began_at, begun.seen) == (at(0), 3)


def test_what_is_seen_in_the_quiet_time_is_noticed_after_it() -> None:
    alert = Alert("large:KRW", "large").after(seen(), at(0)).noticed(NoticeKind.FIRING, at(0))
    again = alert.after(seen(2), at(10)).after(seen(), at(20))

    assert [again.due_notice(TIMING, at(minute)) for minute in (20, 59)] == [None, None]
    assert again.due_notice(TIMING, at(60)) is NoticeKind.REPEATED
    repeated = again.noticed(NoticeKind.REPEATED, at(60))
    assert (repeated.seen, repeated.began_at) == (4, at(0))
    # Nothing new: no reminder of what is known.
    assert repeated.due_notice(TIMING, at(109)) is None


def test_what_is_not_seen_for_long_enough_is_over_once() -> None:
    alert = Alert("large:KRW", "large").after(seen(), at(0)).noticed(NoticeKind.FIRING, at(0))

    assert alert.due_notice(TIMING, at(89)) is None
    assert alert.after(seen(), at(89)).due_notice(TIMING, at(90)) is NoticeKind.REPEATED
    assert alert.due_notice(TIMING, at(90)) is NoticeKind.RESOLVED
    assert alert.noticed(NoticeKind.RESOLVED, at(90)) == Alert("large:KRW", "large")
