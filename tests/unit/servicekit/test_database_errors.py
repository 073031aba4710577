"""Every SQLSTATE has one verdict, and nothing that is a bug is waited for."""

from collections.abc import Iterator

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2 import errorcodes, errors
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from servicekit.db.errors import UNKNOWN, Verdict, may_pass, verdict, verdict_on_sqlstate
from servicekit.db.problems import DATABASE_PROBLEMS, RETRY_AFTER_SECONDS

# Not the module's own table: what the SQL standard and PostgreSQL's appendix A call the program's fault.
WRONG_DATA = {"20", "21", "22", "23", "27", "44"}
WRONG_STATEMENTS = {"03", "09", "0A", "0F", "0L", "0P", "0Z", "10", "24", "26", "2B", "34", "3F", "42", "54"}
WRONG_TRANSACTIONS = {"0B", "25", "2D", "3B"}
WRONG_FUNCTIONS = {"2F", "38", "39", "P0"}
NO_ERRORS = {"00", "01", "02"}
BUGS = WRONG_DATA | WRONG_STATEMENTS | WRONG_TRANSACTIONS | WRONG_FUNCTIONS | NO_ERRORS
WAITED_FOR_ALL_THE_SAME = {"25006", "25P03", "25P04", "42501", "54000"}
BUGS_ALL_THE_SAME = {"40002", "55P02", "55P04"}
CONFLICTS = {"40000", "40001", "40P01", "55006", "55P03", "57014", "72000"}


def known_sqlstates() -> Iterator[str]:
    for name, code in vars(errorcodes).items():
        if name.isupper() and isinstance(code, str) and len(code) == 5:
            yield code


KNOWN = sorted(set(known_sqlstates()))


def an_error(code: str | None, kind: type[psycopg2.Error] = psycopg2.DatabaseError) -> psycopg2.Error:
    """What psycopg2 raises for ``code``; its attribute can't be set from Python otherwise."""

    class Raised(kind):  # type: ignore[misc, valid-type]
        pgcode = code

    return Raised("one line\nDETAIL: another")


def wrapped(error: BaseException) -> DBAPIError:
    return DBAPIError("SELECT 1", None, error)


def test_psycopg2_knows_the_whole_appendix() -> None:
    assert len(KNOWN) > 250


@pytest.mark.parametrize("code", KNOWN)
def test_each_known_sqlstate_waits_unless_it_is_a_bug(code: str) -> None:
    is_bug = (code[:2] in BUGS and code not in WAITED_FOR_ALL_THE_SAME) or code in BUGS_ALL_THE_SAME
    expected = Verdict.BUG if is_bug else Verdict.CONFLICT if code in CONFLICTS else Verdict.UNAVAILABLE

    assert verdict_on_sqlstate(code) is expected
    assert verdict(wrapped(an_error(code))) is verdict(an_error(code)) is expected


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3), st.sampled_from(KNOWN))
def test_unheard_of_sqlstate_of_a_known_class_is_like_its_class(ending: str, known: str) -> None:
    code = known[:2] + ending
    if code not in KNOWN:
        assert verdict_on_sqlstate(code) is verdict_on_sqlstate(f"{known[:2]}ZZZ")


@given(st.text(max_size=7))
def test_sqlstate_of_no_known_class_is_waited_for(code: str) -> None:
    if code[:2] not in {known[:2] for known in KNOWN}:
        assert verdict_on_sqlstate(code) is UNKNOWN is Verdict.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (psycopg2.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg2.InterfaceError("connection already closed"), True),
        (psycopg2.DatabaseError("error with status PGRES_TUPLES_OK and no message from the libpq"), True),
        (psycopg2.ProgrammingError("can't adapt type 'dict'"), False),
        (psycopg2.DataError("integer out of range"), False),
        (psycopg2.NotSupportedError("not by this server"), False),
        (PoolTimeoutError(), True),
        (InvalidRequestError("this session is in another transaction"), False),
        (KeyError("a bug"), False),
        (ConnectionError("not a database's"), False),
    ],
)
def test_error_without_a_sqlstate_waits_if_the_connection_failed(error: Exception, passes: bool) -> None:
    assert may_pass(error) is passes
    if isinstance(error, psycopg2.Error):
        assert may_pass(wrapped(error)) is passes


@pytest.mark.parametrize(
    ("code", "slug"),
    [
        ("25006", "database-unavailable"),
        ("53100", "database-unavailable"),
        ("40P01", "database-busy"),
    ],
)
def test_clients_come_back_at_different_times(code: str, slug: str) -> None:
    problem_of = DATABASE_PROBLEMS[SQLAlchemyError]
    problems = [problem_of(wrapped(an_error(code))) for _ in range(200)]

    assert {(problem.status, problem.slug) for problem in problems} == {(503, slug)}
    seconds = {int(problem.headers["Retry-After"]) for problem in problems}
    assert seconds == set(range(RETRY_AFTER_SECONDS[0], RETRY_AFTER_SECONDS[1] + 1))


def test_bug_is_answered_as_one() -> None:
    problem = DATABASE_PROBLEMS[SQLAlchemyError](wrapped(an_error("23514", errors.CheckViolation)))
    assert (problem.status, problem.headers) == (500, {})
