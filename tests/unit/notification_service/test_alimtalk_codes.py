"""The class of each provider's codes."""

import pytest

from notification_service.domain.alimtalk_codes import ALIGO_CODES, NHN_CODES, SENS_CODES, SOLAPI_CODES
from notification_service.domain.alimtalk_results import (
    CodeClass,
    ProviderCodes,
    ResultState,
    provider_codes,
)

PROVIDERS = [NHN_CODES, SOLAPI_CODES, SENS_CODES, ALIGO_CODES]


@pytest.mark.parametrize("codes", PROVIDERS)
@pytest.mark.parametrize("code", ["", "5555", "-31337", "OK", "1" * 1_000])
def test_an_unknown_code_is_asked_about_and_not_sent_again(codes: ProviderCodes, code: str) -> None:
    assert codes.class_of(code) is CodeClass.ASK
    assert codes.state_of(code) is ResultState.UNKNOWN


@pytest.mark.parametrize(
    ("codes", "code", "code_class"),
    [
        (NHN_CODES, "3012", CodeClass.RETRY),
        (NHN_CODES, "3019", CodeClass.SMS_INSTEAD),
        (NHN_CODES, "3020", CodeClass.SMS_INSTEAD),
        (NHN_CODES, "3005", CodeClass.ASK),
        (NHN_CODES, "-1005", CodeClass.ASK),
        (NHN_CODES, "4131", CodeClass.ASK),
        (NHN_CODES, "-1017", CodeClass.STOP_AND_ALARM),
        (NHN_CODES, "-1001", CodeClass.STOP_AND_ALARM),
        (NHN_CODES, "-3005", CodeClass.FINAL),
        (NHN_CODES, "3016", CodeClass.FINAL),
        *((SOLAPI_CODES, code, CodeClass.RETRY) for code in ("1024", "2024", "3012", "3024", "3053")),
        *((SOLAPI_CODES, code, CodeClass.SMS_INSTEAD) for code in ("3104", "3107")),
        *((SOLAPI_CODES, code, CodeClass.ASK) for code in ("2000", "3000", "3014", "3048")),
        *(
            (SOLAPI_CODES, code, CodeClass.STOP_AND_ALARM)
            for code in ("1020", "1030", "1062", "2062", "2063", "2064", "2230", "3059", "3101")
        ),
        (SOLAPI_CODES, "1043", CodeClass.FINAL),
        (SOLAPI_CODES, "3103", CodeClass.FINAL),
        (SENS_CODES, "3019", CodeClass.SMS_INSTEAD),
        (ALIGO_CODES, "-99", CodeClass.ASK),
    ],
)
def test_a_code_has_its_class(codes: ProviderCodes, code: str, code_class: CodeClass) -> None:
    assert codes.class_of(code) is code_class


def test_a_code_of_success_is_in_no_class() -> None:
    assert {"0", "1000"}.isdisjoint(NHN_CODES.classes)
    assert "4000" not in SOLAPI_CODES.classes
    assert {"A000", "0000"}.isdisjoint(SENS_CODES.classes)


def test_a_code_in_two_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="7 is in two classes"):
        provider_codes({CodeClass.RETRY: ("7",), CodeClass.FINAL: ("7",)})
