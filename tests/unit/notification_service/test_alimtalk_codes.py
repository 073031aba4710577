"""The class of each provider's codes."""

import re
from types import ModuleType

import pytest

from notification_service.domain.alimtalk_codes import ALIGO_CODES, NHN_CODES, SENS_CODES, SOLAPI_CODES
from notification_service.domain.alimtalk_results import (
    CodeClass,
    ProviderCodes,
    ResultState,
    provider_codes,
)
from provider_sandbox.providers.aligo import codes as aligo_double
from provider_sandbox.providers.nhn import codes as nhn_double
from provider_sandbox.providers.sens import codes as sens_double
from provider_sandbox.providers.solapi import codes as solapi_double

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
        (NHN_CODES, "-3005", CodeClass.TEMPLATE_NOT_USABLE),
        (NHN_CODES, "MRC02", CodeClass.FINAL),
        (NHN_CODES, "-1031", CodeClass.ASK),
        (NHN_CODES, "3016", CodeClass.TEMPLATE_NOT_USABLE),
        *((SOLAPI_CODES, code, CodeClass.RETRY) for code in ("1024", "2024", "3012", "3024", "3053")),
        *((SOLAPI_CODES, code, CodeClass.SMS_INSTEAD) for code in ("3104", "3107")),
        *((SOLAPI_CODES, code, CodeClass.ASK) for code in ("2000", "3000", "3014", "3048")),
        *(
            (SOLAPI_CODES, code, CodeClass.STOP_AND_ALARM)
            for code in ("1020", "1030", "1062", "2062", "2063", "2064", "2230", "3059", "3101")
        ),
        *((SOLAPI_CODES, code, CodeClass.TEMPLATE_NOT_USABLE) for code in ("1042", "1043", "3015", "3105")),
        (SOLAPI_CODES, "1041", CodeClass.FINAL),
        (SENS_CODES, "3019", CodeClass.SMS_INSTEAD),
        (ALIGO_CODES, "-99", CodeClass.ASK),
    ],
)
def test_a_code_has_its_class(codes: ProviderCodes, code: str, code_class: CodeClass) -> None:
    assert codes.class_of(code) is code_class


def codes_of(double: ModuleType) -> set[str]:
    """All that a double says: its constants, and the codes that it takes for unsure."""
    constants = {str(value) for value in vars(double).values() if isinstance(value, int | str)}
    codes = {value for value in constants if re.fullmatch(r"-?[A-Z]?[0-9]{1,4}", value)}
    return codes | {double.DELIVERY.success, *double.DELIVERY.unknown}


@pytest.mark.parametrize(
    ("double", "codes", "others"),
    [
        (nhn_double, NHN_CODES, {"0", "1000"}),
        (solapi_double, SOLAPI_CODES, {"4000"}),
        (sens_double, SENS_CODES, {"A000", "0000"}),
        # Success, and codes of results, which count as unsure.
        (aligo_double, ALIGO_CODES, {"0", "3005", "3016"}),
    ],
)
def test_each_code_of_a_double_is_success_or_has_a_class(
    double: ModuleType, codes: ProviderCodes, others: set[str]
) -> None:
    assert {code for code in codes_of(double) if code not in codes.classes} == others
    assert {codes.class_of(code) for code in double.DELIVERY.unknown} == {CodeClass.ASK}


# As the providers' guides have them; those of success are elsewhere.
DOCUMENTED = {
    "nhn": (
        NHN_CODES,
        """
        4 -1000 -1001 -1003 -1005 -1006 -1016 -1017 -1023 -1026 -1027 -1028 -1030 -1031 -2017 -2026 -2502
        -3003 -3004 -3005 -3010 -3011 -4019 -8008 1003 2001 3000 3005 3008 3012 3015 3016 3018 3019 3020
        3021 3022 3025 4000 4001 4131 4143 4156 9998 9999 MRC02
        """,
    ),
    "solapi": (
        SOLAPI_CODES,
        """
        1020 1024 1026 1030 1041 1042 1043 1044 1045 1046 1047 1048 1049 1050 1051 1052 1060 1061 1062 1064
        2000 2024 2060 2061 2062 2063 2064 2230 2254 3000 3010 3012 3014 3024 3040 3043 3047 3048 3053 3059
        3101 3103 3104 3105 3106 3107 3108
        """,
    ),
    "sens": (SENS_CODES, "3019 3020"),
    "aligo": (ALIGO_CODES, "-99 -101 509"),
}


@pytest.mark.parametrize(("codes", "documented"), DOCUMENTED.values(), ids=DOCUMENTED.keys())
def test_each_documented_code_has_a_class(codes: ProviderCodes, documented: str) -> None:
    assert [code for code in documented.split() if code not in codes.classes] == []


def test_a_code_of_success_is_in_no_class() -> None:
    assert {"0", "1000", "MRC01"}.isdisjoint(NHN_CODES.classes)
    assert "4000" not in SOLAPI_CODES.classes
    assert {"A000", "0000"}.isdisjoint(SENS_CODES.classes)


def test_a_code_in_two_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="7 is in two classes"):
        provider_codes({CodeClass.RETRY: ("7",), CodeClass.FINAL: ("7",)})
