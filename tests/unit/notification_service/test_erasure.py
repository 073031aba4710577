"""A person is recognised however a number is written, and removed from what operators wrote."""

import pytest

from notification_service.domain.erasure import OperatorNote, Person, PersonalOrder, Traces
from notification_service.domain.errors import NoPhoneNumber
from notification_service.domain.order_event import Recipient
from notification_service.domain.phone_number import PhoneNumber
from servicekit.identifiers import uuid7
from tests.support.phone_spellings import SPELLINGS, shows_number

NUMBER = PhoneNumber.of("010-1234-5678")


@pytest.mark.parametrize(
    "written",
    [
        "+82 10-1234-5678",
        "010.1234.5678",
        "01012345678",
        "821012345678",
        "+82 (0)10 1234 5678",
        "010–1234–5678",
        "０１０-１２３４-５６７８",
        "010-1234-5678 ext. 5",
        "010-1234-5678 (2층)",
        "010-1234-5678 문 앞에",
        "010-1234-5678 2층",
        "연락처 010_1234_5678",
        "02-555-1234 / 010-1234-5678",
    ],
)
def test_a_number_is_the_same_however_it_is_written(written: str) -> None:
    assert NUMBER.is_in(written)


@pytest.mark.parametrize(
    "written",
    ["010-1234-5679", "02-1234-5678", "02-1234-5678 (2층)", "0501-1234-5678", "+1 212 555 0100", "?", ""],
)
def test_a_number_is_no_other(written: str) -> None:
    assert not NUMBER.is_in(written)


@pytest.mark.parametrize(
    ("number", "other"),
    [
        ("02-1234-5678", "010-2123-4567 (8층)"),
        ("02-1234-5678", "010-2123-4567 8층"),
        ("02-1234-5678", "02-123-4567 8층"),
        ("02-123-4567", "02-1234-5678 (2층)"),
        ("1588-1234", "010-1588-1234 (2층)"),
        ("1588-1234", "+82 10 1588 1234 문 앞"),
        ("+1 212 555 0100", "010-1212-5550 (100호)"),
        ("010-1234-5678", "+86 10 1234 5678"),
    ],
)
def test_a_numbers_digits_in_another_are_not_it(number: str, other: str) -> None:
    assert not PhoneNumber.of(number).is_in(other)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("02-1234-5678", "02) 1234-5678 (2층)"),
        ("1588-1234", "대표 1588-1234"),
        ("1588-1234", "+82 1588 1234 (2층)"),
        ("+1 212 555 0100", "+1 (212) 555-0100 문 앞"),
        # Not in the library's tables yet, but order-service takes it.
        ("010-5970-1234", "010-5970-1234"),
        ("+82 10-5970-1234", "010 5970 1234 (2층)"),
    ],
)
def test_any_number_that_is_sold_to_is_found(number: str, written: str) -> None:
    assert PhoneNumber.of(number).is_in(written)


@pytest.mark.parametrize("written", ["", "kim", "12345678", "010-1234", "+82", "9" * 100])
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(NoPhoneNumber):
        PhoneNumber.of(written)


def test_spellings_of_the_same_number_are_equal() -> None:
    assert PhoneNumber.of("+82 10-1234-5678") == PhoneNumber.of("010.1234.5678") == NUMBER
    assert NUMBER.international == "+821012345678"


@pytest.mark.parametrize(
    ("person", "is_in"),
    [
        (Person(NUMBER), True),
        (Person(user_id=70_001), True),
        (Person(PhoneNumber.of("010-9999-8888"), 70_001), True),
        (Person(PhoneNumber.of("010-9999-8888"), 70_002), False),
    ],
)
def test_an_order_is_a_persons_by_number_or_by_user(person: Person, is_in: bool) -> None:
    order = PersonalOrder(uuid7(), 70_001, Recipient("김하늘", "+82 10 1234 5678"))

    assert person.is_in(order) == is_in


def test_an_order_without_its_recipient_has_no_number() -> None:
    assert not Person(NUMBER).is_in(PersonalOrder(uuid7(), 70_001, None))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_notes_lose_every_spelling(spelling: str) -> None:
    note = Traces(Person(NUMBER), ()).removed_from(f"asked by {spelling}, twice")

    assert not shows_number(note)
    assert note.startswith("asked by ") and note.endswith(", twice")  # noqa: PT018 - both ends of one text


def test_notes_about_others_lose_only_the_phone_number() -> None:
    traces = Traces(Person(NUMBER, 2026), [Recipient("고객", "010-1234-5678")])
    written = "고객센터 outage since 2026-11-30, call 010-1234-5678"

    assert traces.cleaned(OperatorNote("delivery.retry_reason", written, 1, is_own=False)) == (
        "고객센터 outage since 2026-11-30, call [removed]"
    )
    assert "2026" not in traces.cleaned(OperatorNote("delivery.retry_reason", written, 1, is_own=True))


def left_of(note: str, number: str = "010-1234-5678") -> str:
    """What is left of a note that isn't about the number's person."""
    traces = Traces(Person(PhoneNumber.of(number)), ())
    return traces.cleaned(OperatorNote("erasure.reason", note, 1, is_own=False))


@pytest.mark.parametrize("spelling", [*SPELLINGS, "0082-10-1234-5678", "001 82 10 1234 5678"])
@pytest.mark.parametrize("note", ["asked by {}, twice", "연락처{}로", "%20{}%20", "1.{}/010-9999-8888"])
def test_notes_about_others_lose_every_spelling(spelling: str, note: str) -> None:
    assert left_of(note.format(spelling)) == note.format("[removed]")


ODD_SPELLINGS = [
    "010-1234-56 78",
    "010 12 34 56 78",
    "010–1234–56–78",
    "0 1 0 1 2 3 4 5 6 7 8",
    "010-12345-678",
    "+82 (0)10 1234 56 78",
    "０１０１２３４５６７８",
    "０１０-１２３４-５６ ７８",
    "＋８２ １０ １２３４ ５６ ７８",
    "010ー1234ー5678",
    "٠١٠-١٢٣٤-٥٦٧٨",
    "𝟎𝟏𝟎-𝟏𝟐𝟑𝟒-𝟓𝟔𝟕𝟖",
]


@pytest.mark.parametrize("spelling", ODD_SPELLINGS)
@pytest.mark.parametrize("is_own", [True, False])
def test_notes_lose_a_number_in_odd_groups_and_digits(spelling: str, is_own: bool) -> None:
    traces = Traces(Person(NUMBER), [])
    note = OperatorNote("delivery.retry_reason", f"연락처 {spelling}, 02-555-1234", 1, is_own)

    assert traces.cleaned(note) == "연락처 [removed], 02-555-1234"


@pytest.mark.parametrize("spelling", ODD_SPELLINGS)
def test_notes_lose_odd_spellings_of_a_users_number(spelling: str) -> None:
    traces = Traces(Person(user_id=70_001), [Recipient("김하늘", "010-1234-5678")])

    assert traces.removed_from(f"call {spelling}") == "call [removed]"


def test_notes_about_others_lose_a_number_without_its_prefix() -> None:
    assert left_of("asked by 10-1234-5678, twice") == "asked by [removed], twice"


@pytest.mark.parametrize(
    "note",
    [
        "order 20261234 5678",
        "02-1234-5678 called",
        "0501-1234-5678 called",
        "010-1234-56789",
        "+86 10 1234 5678",
        "invoice 110123456780",
        "paid 12,345,678",
        "12345678",
        "1234 of 5678 orders",
        "event 01901012-3456-7812-8345-678901012345",
    ],
)
def test_notes_about_others_keep_other_numbers(note: str) -> None:
    assert left_of(note) == note


@pytest.mark.parametrize(
    ("number", "note", "left"),
    [
        ("1588-1234", "1588-1234, not 010-1588-1234", "[removed], not 010-1588-1234"),
        ("1588-1234", "15881234, not (010) 1588-1234", "[removed], not (010) 1588-1234"),
        ("02-1234-5678", "02) 1234-5678, not 02-123-4567 8층", "[removed], not 02-123-4567 8층"),
        ("+1 212 555 0100", "+1 (212) 555-0100", "[removed]"),
        ("+1 212 555 0100", "010-1212-5550 (100호)", "010-1212-5550 (100호)"),
        ("050-71234-5678", "0507-1234-5678", "[removed]"),
        ("010-1234-5678", "010-123-4567 8층, 010-1234-567 8층", "010-123-4567 8층, [removed]층"),
        ("02-1234-5678", "02-12 34-56 78, not 02-123-4567 8", "[removed], not 02-123-4567 8"),
    ],
)
def test_notes_about_others_lose_only_that_number(number: str, note: str, left: str) -> None:
    assert left_of(note, number) == left


def test_notes_lose_names_and_the_users_number() -> None:
    recipients = [Recipient("김하늘", "010-1234-5678"), Recipient("하", "010-1234-5678")]
    traces = Traces(Person(None, 70_001), recipients)

    note = traces.removed_from("김하늘 (70001) called about 170001, 하하")

    assert note == "[removed] ([removed]) called about 170001, 하하"
    assert Traces(Person(None, 7), ()).removed_from("after 7 minutes") == "after 7 minutes"
