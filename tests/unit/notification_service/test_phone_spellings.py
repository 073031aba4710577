"""Numbers are found in texts however they are written."""

import time

import pytest

from notification_service.domain.order_event import Recipient
from notification_service.domain.phone_number import PhoneNumber
from tests.support.phone_spellings import SPELLINGS


@pytest.mark.parametrize("written", SPELLINGS)
@pytest.mark.parametrize("stored", ["010-1234-5678", "+821012345678", "\uff10\uff11\uff10-1234-5678"])
def test_a_number_is_removed_however_it_is_written(stored: str, written: str) -> None:
    text = Recipient("김하늘", stored).removed_from(f"no such number: {written}, sorry")

    assert "[removed], sorry" in text
    assert "5678" not in text


def test_a_safe_number_and_one_of_a_company_are_removed() -> None:
    assert Recipient("", "050-71234-5678").removed_from("to 0507-1234-5678!") == "to 0507-[removed]!"
    assert Recipient("", "1588-1234").removed_from("to 15881234!") == "to [removed]!"


@pytest.mark.parametrize("other", ["010-1234-5679", "1234 times 5678", "code -3010", "2026-11-23T03:00:00Z"])
def test_other_digits_stay(other: str) -> None:
    assert Recipient("", "010-1234-5678").removed_from(other) == other


@pytest.mark.parametrize("run", ["-", "%41", "\\\\u2013", "4 1 ", "\\\\"])
def test_long_runs_of_separators_are_read_in_no_time(run: str) -> None:
    text, recipient = "4" + run * 50_000, Recipient("", "010-4141-4141")

    began = time.process_time()
    assert recipient.removed_from(text)

    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("run", ["-", "%41", "4 1 ", "0", "82 0 ", "\\", "010 4141 ", "010-4141-"])
def test_long_texts_are_cleaned_of_a_whole_number_in_no_time(run: str) -> None:
    text, number = "0" + run * 20_000, PhoneNumber.of("010-4141-4141")

    began = time.process_time()
    assert number.removed_from(text, "[removed]")

    assert time.process_time() - began < 2.0


def test_without_a_number_nothing_is_removed() -> None:
    assert Recipient("", "").removed_from("code 1") == "code 1"
