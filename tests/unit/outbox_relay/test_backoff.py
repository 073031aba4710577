"""Pauses between attempts."""

from outbox_relay.protocol.backoff import Backoff


def test_pauses_grow_up_to_ten_seconds_and_start_anew_after_success() -> None:
    backoff = Backoff()

    pauses = [backoff.next_delay_seconds() for _ in range(200)]

    assert pauses[0] <= 0.1
    assert max(pauses) <= 10.0
    assert max(pauses[20:]) > 5.0
    assert min(pauses[20:]) < 5.0

    backoff.reset()
    assert backoff.next_delay_seconds() <= 0.1
