"""Where a consumer begins, by what Kafka and its own database say."""

import pytest

from servicekit.inbox.offsets import AppliedOffset
from servicekit.messaging.starting_offset import OffsetsInKafka, Start, kept_log, starting_offset

HERE = ("cluster", "topic")
END = 100


def applied(offset: int, cluster: str = "cluster", topic: str | None = "topic") -> AppliedOffset:
    return AppliedOffset(offset, cluster, topic)


@pytest.mark.parametrize(
    ("committed", "known", "earliest", "start"),
    [
        (None, None, 0, Start(0)),
        # Restored to before the partition's first offset: the inbox knows what comes again.
        (7, None, 0, Start(0, ("database_went_back",))),
        (7, None, 7, Start(7)),
        (7, applied(7), 0, Start(7)),
        # A crash between the database's commit and Kafka's: the inbox knows what comes again.
        (7, applied(9), 0, Start(7)),
        (9, applied(7), 0, Start(7, ("database_went_back",))),
        (None, applied(7), 0, Start(7, ("commit_lost",))),
        # A crash between a first offset's save and its commit.
        (None, applied(7), 7, Start(7)),
        (None, applied(7), 8, Start(8, ("commit_lost", "records_gone"), 1)),
        (5, applied(5), 8, Start(8, ("records_gone",), 3)),
        (5, None, 8, Start(8, ("records_gone",), 3)),
        (9, applied(3), 5, Start(5, ("database_went_back", "records_gone"), 2)),
        (None, None, 8, Start(8)),
    ],
)
def test_start_is_never_behind_what_is_not_applied(
    committed: int | None, known: AppliedOffset | None, earliest: int, start: Start
) -> None:
    assert starting_offset(OffsetsInKafka(committed, earliest, END), known, HERE) == start


@pytest.mark.parametrize("known", [applied(7, cluster="other"), applied(7, topic="other")])
@pytest.mark.parametrize("committed", [None, 7, 20])
def test_topic_that_was_made_anew_is_read_from_its_beginning(
    known: AppliedOffset, committed: int | None
) -> None:
    assert starting_offset(OffsetsInKafka(committed, 2, END), known, HERE) == Start(2, ("topic_made_anew",))


def test_topic_that_got_an_id_in_an_upgrade_is_the_same() -> None:
    assert starting_offset(OffsetsInKafka(7, 0, END), applied(7, topic=None), HERE) == Start(7)


def test_partition_that_a_former_release_has_read_goes_on_at_its_commit() -> None:
    assert starting_offset(OffsetsInKafka(7, 0, END, has_row=False), None, HERE) == Start(7)


@pytest.mark.parametrize(
    ("committed", "known", "kept", "start"),
    [
        (10, applied(10), 8, Start(8, ("log_truncated",), 2)),
        # A crash between the database's commit and Kafka's.
        (8, applied(10), 8, Start(8, ("log_truncated",), 2)),
        (10, applied(5), 8, Start(5, ("log_truncated", "database_went_back"), 2)),
        (None, applied(10), 8, Start(8, ("log_truncated", "commit_lost"), 2)),
        (10, applied(10), 3, Start(4, ("log_truncated", "records_gone"), 8)),
        (10, None, 8, Start(4, ("log_truncated", "database_went_back"), 2)),
        (8, applied(8), 8, Start(8)),
    ],
)
def test_log_that_lost_what_was_read_is_read_from_where_it_did(
    committed: int | None, known: AppliedOffset | None, kept: int, start: Start
) -> None:
    assert starting_offset(OffsetsInKafka(committed, 4, kept), known, HERE) == start


@pytest.mark.parametrize(
    ("committed", "epochs_end", "kept"),
    [(10, None, END), (10, 8, 8), (10, 10, END), (10, 15, END), (10, END, END), (END + 20, END + 10, END)],
)
def test_epoch_of_a_commit_says_nothing_of_what_follows_it(
    committed: int, epochs_end: int | None, kept: int
) -> None:
    assert kept_log(END, committed, epochs_end) == kept


def test_applied_records_of_a_new_leader_that_are_not_committed_are_kept() -> None:
    in_kafka = OffsetsInKafka(10, 0, kept_log(END, 10, epochs_end=15))
    assert starting_offset(in_kafka, applied(30), HERE) == Start(10)


@pytest.mark.parametrize(
    ("committed", "known", "start"),
    [
        (7, applied(7), Start(7, epoch=3)),
        (7, applied(9), Start(7, epoch=3)),
        (9, applied(7), Start(7, ("database_went_back",))),
        (1, applied(1), Start(2, ("records_gone",), 1)),
        (END + 1, applied(END), Start(END, ("log_truncated",), 1)),
        (2, applied(7, topic="other"), Start(2, ("topic_made_anew",))),
    ],
)
def test_epoch_of_the_commit_is_kept_where_it_is_gone_on_at(
    committed: int, known: AppliedOffset, start: Start
) -> None:
    assert starting_offset(OffsetsInKafka(committed, 2, END, epoch=3), known, HERE) == start
