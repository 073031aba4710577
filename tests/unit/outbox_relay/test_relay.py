"""The turns of a relay, over ports that live in memory."""

from outbox_relay.protocol.errors import (
    LostLeadership,
    PublishTimedOut,
    RelayError,
    SessionLost,
    SourceUnavailable,
)
from outbox_relay.protocol.model import Cursor, Lease
from outbox_relay.protocol.relay import Failed, Idle, Published, Relay, Standby, StepResult
from tests.unit.outbox_relay.ports import (
    MemoryDeadLetters,
    MemoryPublisher,
    MemorySource,
    newer,
    of_shard,
)


def a_source(size: int, **options: object) -> MemorySource:
    """One shard with so many events."""
    return MemorySource([of_shard(0, position) for position in range(1, size + 1)], **options)  # type: ignore[arg-type]  # a builder


def a_relay(
    source: MemorySource,
    publisher: MemoryPublisher | None = None,
    dead_letters: MemoryDeadLetters | None = None,
    pages_per_turn: int = 1,
) -> Relay:
    return Relay(source, dead_letters or MemoryDeadLetters(), publisher or MemoryPublisher(), pages_per_turn)


def failure_of(result: StepResult) -> RelayError:
    assert isinstance(result, Failed)
    return result.error


def test_cursor_moves_page_by_page_and_past_the_window_with_its_last_page() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher)

    results = [relay.run_once() for _ in range(4)]

    assert results == [Published(2, more=True), Published(2, more=True), Published(1), Idle()]
    assert publisher.arrived() == [1, 2, 3, 4, 5]
    assert [cursor for cursor, _ in source.saves] == [Cursor("0", "5", 2), Cursor("0", "5", 4), Cursor("5")]


def test_a_turn_sends_each_page_while_the_former_one_is_on_its_way() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert [relay.run_once(), relay.run_once()] == [Published(5), Idle()]

    assert publisher.journal == [
        ("sent", [1, 2]),
        ("sent", [3, 4]),
        ("arrived", [1, 2]),
        ("sent", [5]),
        ("arrived", [3, 4]),
        ("arrived", [5]),
    ]
    assert [cursor for cursor, _ in source.saves] == [Cursor("0", "5", 2), Cursor("0", "5", 4), Cursor("5")]


def test_a_turn_is_bounded_and_the_next_goes_on_in_the_same_window() -> None:
    source, publisher = a_source(9), MemoryPublisher()
    relay = a_relay(source, publisher, pages_per_turn=2)

    assert relay.run_once() == Published(4, more=True)
    source.grow(of_shard(0, 10))
    assert [relay.run_once() for _ in range(4)] == [
        Published(4, more=True),
        Published(1),
        Published(1),
        Idle(),
    ]

    assert publisher.arrived() == list(range(1, 11))
    assert Cursor("9") in [cursor for cursor, _ in source.saves]


def test_window_that_ends_with_a_full_page_is_closed_without_publishing() -> None:
    source, publisher = a_source(4), MemoryPublisher()
    relay = a_relay(source, publisher)

    results = [relay.run_once() for _ in range(4)]

    assert results == [Published(2, more=True), Published(2, more=True), Idle(), Idle()]
    assert publisher.arrived() == [1, 2, 3, 4]
    assert source.stored[0] == Cursor("4")


def test_new_leader_goes_on_after_the_position_reached_inside_of_a_window() -> None:
    source, publisher = a_source(7, page_events=10, stored={0: Cursor("0", "5", 3)}), MemoryPublisher()
    relay = a_relay(source, publisher)

    relay.run_once()

    assert publisher.arrived() == [4, 5]
    assert source.stored[0] == Cursor("5")


def test_nothing_is_written_while_there_is_nothing_to_publish() -> None:
    source = a_source(0)

    assert a_relay(source).run_once() == Idle()

    assert source.saves == []


# Leadership


def test_relay_that_does_not_lead_does_nothing() -> None:
    source, publisher = a_source(5, is_certain=False), MemoryPublisher()

    assert a_relay(source, publisher).run_once() == Standby()

    assert publisher.journal == []
    assert source.sessions == 0


def test_leadership_that_ended_while_reading_publishes_nothing() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    source.before_read = lambda: setattr(source, "is_certain", False)

    assert isinstance(failure_of(a_relay(source, publisher).run_once()), LostLeadership)

    assert publisher.journal == [("abandoned", [])]


def test_leadership_that_ends_while_events_are_held_back_sends_nothing() -> None:
    source, publisher, dead_letters = a_source(5), MemoryPublisher(), MemoryDeadLetters()
    dead_letters.before_hold_back = lambda: setattr(source, "is_certain", False)

    assert isinstance(failure_of(a_relay(source, publisher, dead_letters).run_once()), LostLeadership)

    assert publisher.journal == [("abandoned", [])]


def test_leadership_that_ended_while_a_page_is_on_its_way_abandons_it() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    source.before_read = lambda: setattr(source, "is_certain", not publisher.journal)

    assert isinstance(failure_of(a_relay(source, publisher, pages_per_turn=16).run_once()), LostLeadership)

    assert publisher.journal == [("sent", [1, 2]), ("abandoned", [])]
    assert source.saves == []


def test_leadership_that_only_seemed_to_end_goes_on_from_the_stored_cursor() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher)
    relay.run_once()
    source.before_read = lambda: setattr(source, "is_certain", False)
    assert isinstance(relay.run_once(), Failed)
    source.before_read, source.is_certain = (lambda: None), True
    source.stored[0] = Cursor("0", "5", 1)

    assert relay.run_once() == Published(2, more=True)

    assert publisher.arrived() == [1, 2, 2, 3]


def test_cursor_write_that_misses_makes_the_relay_forget_where_it_was() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher)
    relay.run_once()
    source.save_error = LostLeadership()
    assert isinstance(relay.run_once(), Failed)
    assert publisher.journal[-1] == ("abandoned", [])
    source.save_error = None
    source.lead(newer(source.mine[0]))

    assert relay.run_once() == Published(2, more=True)

    assert publisher.arrived() == [1, 2, 3, 4, 3, 4]
    assert source.sessions == 2


def test_shard_lost_and_won_again_between_two_turns_is_loaded_anew() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher)
    relay.run_once()
    source.lead(newer(source.mine[0]))
    source.stored[0] = Cursor("0", "5", 4)

    assert relay.run_once() == Published(1)

    assert publisher.arrived() == [1, 2, 5]
    assert set(source.pages_read) == {frozenset({0})}


# The database


def test_page_whose_saving_failed_is_saved_later_and_not_sent_again() -> None:
    source, publisher = a_source(3), MemoryPublisher()
    relay = a_relay(source, publisher)
    source.save_error = SourceUnavailable()
    for _ in range(3):
        assert isinstance(failure_of(relay.run_once()), SourceUnavailable)
    assert isinstance(failure_of(relay.replay_once()), SourceUnavailable)
    assert source.pages_read == [frozenset({0})]
    source.save_error = None

    assert relay.run_once() == Published(1)

    assert publisher.arrived() == [1, 2, 3]
    assert [cursor for cursor, _ in source.saves] == [Cursor("0", "3", 2), Cursor("3")]
    assert source.sessions == 1


def test_nothing_remembered_outlives_the_session() -> None:
    source, publisher = a_source(5), MemoryPublisher()
    relay = a_relay(source, publisher)
    relay.run_once()
    source.save_error = SessionLost()
    assert isinstance(relay.run_once(), Failed)
    source.save_error = None
    source.stored[0] = Cursor("0")

    relay.run_once()

    assert publisher.arrived() == [1, 2, 3, 4, 1, 2]
    assert source.sessions == 2


# Pages on their way


def test_second_page_that_cannot_be_sent_abandons_the_first() -> None:
    source, publisher = a_source(5), MemoryPublisher(fails_when_sent={3: PublishTimedOut()})
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)

    assert publisher.journal == [("sent", [1, 2]), ("abandoned", [])]
    assert source.saves == []
    publisher.fails_when_sent.clear()
    assert relay.run_once() == Published(5)
    assert publisher.arrived() == [1, 2, 3, 4, 5]


def test_first_page_that_does_not_arrive_takes_the_second_with_it() -> None:
    source, publisher = a_source(5), MemoryPublisher(fails_on_arrival={1: PublishTimedOut()})
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)

    assert publisher.journal == [("sent", [1, 2]), ("sent", [3, 4]), ("abandoned", [])]
    assert source.saves == []
    publisher.fails_on_arrival.clear()
    assert relay.run_once() == Published(5)
    assert publisher.arrived() == [1, 2, 3, 4, 5]


def test_second_page_that_does_not_arrive_leaves_the_first_published() -> None:
    source, publisher = a_source(5), MemoryPublisher(fails_on_arrival={3: PublishTimedOut()})
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)

    assert source.stored[0] == Cursor("0", "5", 2)
    publisher.fails_on_arrival.clear()
    assert relay.run_once() == Published(3)
    assert publisher.arrived() == [1, 2, 3, 4, 5]


def test_of_a_page_that_fails_only_the_gaps_are_sent_again() -> None:
    source = a_source(9, page_events=6)
    publisher = MemoryPublisher(fails_on_arrival={1: PublishTimedOut()}, acknowledged={1, 2, 4})
    relay = a_relay(source, publisher)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)

    assert source.stored[0] == Cursor("0", "9", 2)
    publisher.fails_on_arrival = {3: PublishTimedOut()}
    publisher.acknowledged = {3, 6}
    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)
    assert source.stored[0] == Cursor("0", "9", 4)
    assert relay.run_once() == Published(5)
    assert publisher.arrived() == [5, 7, 8, 9]


def test_page_behind_the_one_that_fails_counts_as_far_as_it_arrived() -> None:
    source = a_source(4)
    publisher = MemoryPublisher(fails_on_arrival={1: PublishTimedOut()}, acknowledged={2, 3})
    relay = a_relay(source, publisher, pages_per_turn=2)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)
    publisher.fails_on_arrival = {}
    relay.run_once()

    assert publisher.arrived() == [1, 4]
    assert source.stored[0] == Cursor("0", "4", 4)


def test_first_page_counts_as_far_as_it_arrived_if_the_second_is_not_sent() -> None:
    source = a_source(5)
    publisher = MemoryPublisher(fails_when_sent={3: PublishTimedOut()}, acknowledged={1})
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert isinstance(failure_of(relay.run_once()), PublishTimedOut)

    assert source.stored[0] == Cursor("0", "5", 1)


def test_page_has_no_more_events_than_the_publisher_can_take() -> None:
    source, publisher = a_source(5, page_events=4), MemoryPublisher(most_events=1)
    relay = a_relay(source, publisher)

    assert [relay.run_once(), relay.run_once()] == [Published(1, more=True), Published(1, more=True)]
    publisher.most_events = None
    assert relay.run_once() == Published(3)


# Lanes


def two_shards(**options: object) -> MemorySource:
    """Events of two shards by turns, the odd positions of the first."""
    listed = [of_shard((position + 1) % 2, position) for position in range(1, 7)]
    return MemorySource(listed, shards=2, **options)  # type: ignore[arg-type]  # a builder


def test_shards_at_the_same_cursor_are_read_and_saved_as_one() -> None:
    source, publisher = two_shards(page_events=10), MemoryPublisher()

    assert a_relay(source, publisher).run_once() == Published(6)

    assert source.pages_read == [{0, 1}]
    assert publisher.journal[0] == ("sent", [1, 2, 3, 4, 5, 6])
    assert source.saves == [(Cursor("6"), (0, 1))]


def test_only_the_shards_that_are_led_are_published() -> None:
    source, publisher = two_shards(page_events=10), MemoryPublisher()
    source.lead(Lease(1, 1))

    a_relay(source, publisher).run_once()

    assert publisher.arrived() == [2, 4, 6]
    assert source.stored == {0: Cursor("0"), 1: Cursor("6")}


def test_shard_taken_over_inside_of_a_window_is_a_lane_until_its_end() -> None:
    source, publisher = two_shards(page_events=10), MemoryPublisher()
    source.lead(Lease(0, 1))
    relay = a_relay(source, publisher)
    relay.run_once()
    assert publisher.arrived() == [1, 3, 5]
    # Its former leader had come to position 2 of the window up to 4.
    source.stored[1] = Cursor("0", "4", 2)
    source.lead(Lease(0, 1), Lease(1, 2))
    source.grow(of_shard(0, 7), of_shard(1, 8))

    assert relay.run_once() == Published(2)
    assert publisher.arrived()[3:] == [7, 4]
    assert source.stored == {0: Cursor("8"), 1: Cursor("4")}

    assert relay.run_once() == Published(2)
    assert publisher.arrived()[5:] == [6, 8]
    assert source.stored == {0: Cursor("8"), 1: Cursor("8")}

    source.pages_read.clear()
    source.grow(of_shard(0, 9), of_shard(1, 10))
    assert relay.run_once() == Published(2)
    assert source.pages_read == [{0, 1}]
    assert source.saves[-1] == (Cursor("10"), (0, 1))


def test_lanes_end_at_the_same_snapshot_though_events_come_in_between() -> None:
    source, publisher = two_shards(page_events=10, stored={1: Cursor("2")}), MemoryPublisher()

    def one_more() -> None:
        source.grow(of_shard(0, len(source.events) + 1))

    source.before_read = one_more
    relay = a_relay(source, publisher)
    relay.run_once()

    assert [window.upper for window in source.windows_opened] == ["6", "6"]
    source.pages_read.clear()
    relay.run_once()
    assert source.pages_read == [{0, 1}]


def test_window_that_was_opened_long_ago_bounds_no_other_lane() -> None:
    source = two_shards(page_events=10, stored={0: Cursor("0", "2", 0), 1: Cursor("4")})
    publisher = MemoryPublisher()

    assert a_relay(source, publisher).run_once() == Published(2)

    assert publisher.arrived() == [1, 6]
    assert source.stored == {0: Cursor("2"), 1: Cursor("6")}


def test_lanes_inside_of_different_pages_of_one_window_stay_apart() -> None:
    source, publisher = two_shards(), MemoryPublisher()
    source.stored = {0: Cursor("0", "6", 1), 1: Cursor("0", "6", 4)}
    relay = a_relay(source, publisher, pages_per_turn=16)

    assert relay.run_once() == Published(3)

    assert source.pages_read == [{0}, {0}, {1}]
    assert publisher.arrived() == [3, 5, 6]
    assert source.stored == {0: Cursor("6"), 1: Cursor("6")}


def test_shard_to_be_given_away_is_let_go_after_its_last_page() -> None:
    source, publisher = two_shards(page_events=4), MemoryPublisher()
    relay = a_relay(source, publisher)
    first, second = source.mine.values()

    def leave() -> None:
        source.lead(first)
        source.leaving = [second]

    source.before_read = leave
    assert relay.run_once() == Published(4, more=True)
    assert source.kept[-1] == [first, second]
    assert source.saves[-1] == (Cursor("0", "6", 4), (0, 1))

    source.before_read = lambda: None
    assert relay.run_once() == Published(1)
    assert source.kept[-1] == [first]
    assert publisher.arrived() == [1, 2, 3, 4, 5]
    assert source.stored == {0: Cursor("6"), 1: Cursor("0", "6", 4)}


def test_relay_without_shards_lets_go_of_all_of_them() -> None:
    source = two_shards()
    relay = a_relay(source)
    relay.run_once()
    source.lead()

    assert relay.run_once() == Standby()

    assert source.kept[-1] == []


def test_relay_that_gets_shards_back_begins_a_new_session() -> None:
    source = two_shards()
    relay = a_relay(source)
    relay.run_once()
    source.lead()
    relay.run_once()
    source.lead(Lease(0, 3))

    relay.run_once()

    assert source.sessions == 2


# Dead letters


def test_refused_event_is_parked_with_its_followers_and_others_go_on() -> None:
    source = MemorySource(
        [of_shard(0, 1), of_shard(1, 2), of_shard(0, 3), of_shard(0, 4), of_shard(1, 5)],
        shards=2,
    )
    publisher, dead_letters = MemoryPublisher(rejects={3: "too_large"}), MemoryDeadLetters()
    relay = a_relay(source, publisher, dead_letters, pages_per_turn=16)

    error = failure_of(relay.run_once())

    assert error.kind == "too_large"
    assert publisher.journal == [("sent", [1, 2]), ("abandoned", [])]
    assert source.saves == []
    assert relay.run_once() == Published(5)
    assert publisher.arrived() == [1, 2, 5]
    assert {position: kind for position, (_, kind) in dead_letters.parked.items()} == {
        3: "too_large",
        4: "behind",
    }
    assert source.stored == {0: Cursor("5"), 1: Cursor("5")}


def test_refusal_that_could_not_be_kept_parks_nothing_and_is_tried_again() -> None:
    source, publisher = a_source(1), MemoryPublisher(rejects={1: "too_large"})
    dead_letters = MemoryDeadLetters(error=SourceUnavailable())
    relay = a_relay(source, publisher, dead_letters)

    assert isinstance(failure_of(relay.run_once()), SourceUnavailable)
    assert source.saves == []
    dead_letters.error = None

    assert failure_of(relay.run_once()).kind == "too_large"
    assert list(dead_letters.parked) == [1]


def test_refusal_is_not_kept_once_a_successor_may_lead() -> None:
    source, publisher, dead_letters = (
        a_source(1),
        MemoryPublisher(rejects={1: "too_large"}),
        MemoryDeadLetters(),
    )
    relay = a_relay(source, publisher, dead_letters)
    publisher.before_send = lambda: setattr(source, "is_certain", False)

    assert isinstance(failure_of(relay.run_once()), LostLeadership)

    assert dead_letters.parked == {}


def test_session_lost_while_parking_is_forgotten_too() -> None:
    source, publisher = a_source(1), MemoryPublisher(rejects={1: "too_large"})
    relay = a_relay(source, publisher, MemoryDeadLetters(error=SessionLost()))

    relay.run_once()
    relay.run_once()

    assert source.sessions == 2


def test_page_that_is_held_back_whole_moves_the_cursor_and_sends_nothing() -> None:
    source, publisher = a_source(3), MemoryPublisher()
    dead_letters = MemoryDeadLetters(parked={0: (of_shard(0, 0), "too_large")})

    assert a_relay(source, publisher, dead_letters, pages_per_turn=16).run_once() == Published(3)

    assert publisher.journal == []
    assert source.stored[0] == Cursor("3")
    assert sorted(dead_letters.parked) == [0, 1, 2, 3]


def test_only_a_leader_replays() -> None:
    dead_letters = MemoryDeadLetters(replaying=[of_shard(0, 1)])
    publisher = MemoryPublisher()
    relay = a_relay(a_source(0), publisher, dead_letters)

    assert relay.replay_once() == Standby()

    assert publisher.journal == []


def test_replaying_dead_letters_of_led_shards_are_sent_again() -> None:
    source = two_shards(stored={0: Cursor("6"), 1: Cursor("6")})
    source.lead(Lease(0, 1))
    publisher, dead_letters = MemoryPublisher(), MemoryDeadLetters()
    relay = a_relay(source, publisher, dead_letters)
    relay.run_once()
    assert relay.replay_once() == Idle()
    dead_letters.replaying = [of_shard(0, 1), of_shard(1, 2), of_shard(0, 3)]

    assert relay.replay_once() == Published(2, more=True)
    assert relay.replay_once() == Idle()

    assert publisher.arrived() == [1, 3]
    assert dead_letters.replaying == [of_shard(1, 2)]


def test_replay_that_is_not_acknowledged_stays_open() -> None:
    source, publisher = a_source(0), MemoryPublisher(fails_on_arrival={1: PublishTimedOut()})
    dead_letters = MemoryDeadLetters(replaying=[of_shard(0, 1)])
    relay = a_relay(source, publisher, dead_letters)
    relay.run_once()

    assert isinstance(failure_of(relay.replay_once()), PublishTimedOut)

    assert dead_letters.replaying == [of_shard(0, 1)]
    assert publisher.journal[-1] == ("abandoned", [])


def test_replay_that_is_late_repeats_only_what_was_not_acknowledged() -> None:
    late = PublishTimedOut()
    source, publisher = a_source(0), MemoryPublisher(fails_on_arrival={1: late}, acknowledged={1, 2})
    dead_letters = MemoryDeadLetters(replaying=[of_shard(0, position) for position in (1, 2, 3, 4)])
    relay = a_relay(source, publisher, dead_letters)
    relay.run_once()

    assert failure_of(relay.replay_once()) is late
    publisher.most_events = 1
    assert relay.replay_once() == Published(1, more=True)

    assert publisher.arrived() == [3]
    assert dead_letters.replaying == [of_shard(0, 4)]


def test_replay_is_not_begun_once_leadership_is_uncertain() -> None:
    source, publisher = a_source(0), MemoryPublisher()
    relay = a_relay(source, publisher, MemoryDeadLetters(replaying=[of_shard(0, 1)]))
    relay.run_once()
    source.is_certain = False

    assert isinstance(failure_of(relay.replay_once()), LostLeadership)

    assert ("sent", [1]) not in publisher.journal
