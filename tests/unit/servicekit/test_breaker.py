"""The breaker opens when the database is silent, and closes when it answers its question."""

from contextlib import suppress

from servicekit.db.breaker import SILENCE_SECONDS, Breaker, DatabaseSilent
from servicekit.db.watchdog import Watchdog


class Database:
    """Answers or doesn't, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = False
        self.watchdog = Watchdog(lambda: self.now)
        self.breaker = Breaker(self.watchdog, lambda: self.answers)

    def stay_silent(self) -> None:
        """Leave one statement without an answer for too long."""
        with suppress(RuntimeError), self.watchdog.connecting():
            self.now += SILENCE_SECONDS
            self.breaker.run_once()
            raise RuntimeError("the session was ended")


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except DatabaseSilent:
        return True
    return False


def test_it_opens_when_nothing_is_answered_not_even_its_question() -> None:
    database = Database()
    database.stay_silent()
    assert is_open(database.breaker)


def test_it_stays_closed_when_its_question_is_answered() -> None:
    database = Database()
    database.answers = True
    database.stay_silent()
    assert not is_open(database.breaker)


def test_it_closes_when_its_question_is_answered() -> None:
    database = Database()
    database.stay_silent()
    database.answers = True
    database.breaker.run_once()
    assert not is_open(database.breaker)


def test_it_closes_after_an_answer_that_came_to_another() -> None:
    database = Database()
    database.stay_silent()
    database.answers = True
    # A statement that had been sent before is answered after all: nothing is unanswered any more.
    database.watchdog.answered()
    database.breaker.run_once()
    assert not is_open(database.breaker)
