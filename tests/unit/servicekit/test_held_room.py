"""Requests of little weight leave room to the others."""

import pytest

from servicekit.http.front import Later, MinorLater
from servicekit.http.held_room import HeldRoom


def major(_put_reply: object) -> None:
    raise AssertionError("nothing begins here")


MINOR = MinorLater(major)
LIMIT = 500


def taken(room: HeldRoom, later: Later, times: int = 2 * LIMIT) -> int:
    return sum(room.take(later) for _ in range(times))


@pytest.mark.parametrize("limit", [1, 30, LIMIT])
def test_minor_requests_get_half_of_the_room_and_others_the_rest(limit: int) -> None:
    room = HeldRoom(limit)
    assert (taken(room, MINOR), taken(room, major)) == (limit // 2, limit - limit // 2)


def test_others_may_take_all_the_room() -> None:
    room = HeldRoom(LIMIT)
    assert (taken(room, major), taken(room, MINOR)) == (LIMIT, 0)


def test_room_that_is_given_back_is_there_for_its_own_kind() -> None:
    room = HeldRoom(LIMIT)
    taken(room, MINOR)
    taken(room, major)
    room.give_back(major)
    assert (taken(room, MINOR), taken(room, major)) == (0, 1)
    room.give_back(MINOR)
    assert (taken(room, MINOR), taken(room, major)) == (1, 0)
