"""The class of each provider's codes. They are the providers' to change: check against their pages.

A code that isn't here is ASK. Codes that are ASK stand here if another class seems to fit them.
"""

from collections.abc import Mapping

from notification_service.domain.alimtalk_results import CodeClass, ProviderCodes, provider_codes

# Negative codes answer a request, four digits report a delivery. Lists of messages may say MRC02 instead.
NHN_CODES = provider_codes(
    {
        CodeClass.RETRY: ("3000", "3006", "3010", "3012", "9998", "9999"),
        CodeClass.SMS_INSTEAD: ("3018", "3019", "3020", "3021"),
        CodeClass.ASK: (
            "-1005",  # an earlier request with this idempotency key arrived
            "-1016",  # no such message, which answers a question
            "-1023",  # limits of groups, about which the guide says no more
            "-1026",
            "-1031",  # every recipient failed, without the recipient's own code
            "-7000",  # the request to Kakao failed, perhaps after Kakao had taken it
            "-9999",
            "2001",
            "3005",  # sent, receipt not confirmed
            "4000",  # the result can't be found
            "4001",
            "4122",
            "4131",  # an earlier request with this id arrived
            "4161",  # still being processed
        ),
        CodeClass.STOP_AND_ALARM: (
            "-1000",
            "-1001",
            "-1002",
            "-1003",
            "-1006",
            "-1014",
            "-1017",  # the account's daily volume
            "-1027",
            "-1030",
            "-2017",
            "-4004",
            "-4005",
            "1002",
            "1003",
            "1006",
            "1007",
            "1011",
            "1014",
            "1016",
            "1021",
            "1022",
            "1023",
            "1024",
            "1025",
            "1027",
            "4103",
            "4104",
            "4156",
        ),
        CodeClass.TEMPLATE_NOT_USABLE: ("-3003", "-3004", "-3005", "-3010", "-3011", "3015", "3016"),
        CodeClass.FINAL: (
            "4",
            "-1028",
            "-2019",
            "-2026",
            "-2502",
            "-3048",
            "-3049",
            "-4019",
            "-5000",
            "-8008",
            "3008",
            "3013",
            "3014",
            "3022",
            "3025",
            "3027",
            "4132",
            "4133",
            "4134",
            "4143",
            "MRC02",
        ),
    }
)

# The first digit says where: 1 at registration, 2 inside SOLAPI, 3 at a carrier or Kakao.
SOLAPI_CODES = provider_codes(
    {
        CodeClass.RETRY: ("1024", "2024", "3012", "3024", "3053"),
        CodeClass.SMS_INSTEAD: ("3104", "3107"),
        CodeClass.ASK: ("2000", "3000", "3014", "3048"),
        CodeClass.STOP_AND_ALARM: (
            "1020",
            "1030",
            "1062",
            "2062",
            "2063",
            "2064",
            "2230",
            "3059",
            "3101",
        ),
        CodeClass.TEMPLATE_NOT_USABLE: (*(str(code) for code in range(1042, 1053)), "3015", "3103", "3105"),
        CodeClass.FINAL: (
            "1026",
            "1041",
            "1060",
            "1061",
            "1064",
            "2060",
            "2061",
            "2254",
            "3010",
            "3040",
            "3043",
            "3047",
            "3106",
            "3108",
        ),
    }
)

# Of the codes that answer a request, only A000 is documented; the others are Kakao's reports, as at NHN.
SENS_CODES = provider_codes(
    {
        CodeClass.RETRY: ("3000", "3012", "9998", "9999"),
        CodeClass.SMS_INSTEAD: ("3018", "3019", "3020", "3021"),
        CodeClass.ASK: ("2001", "3005", "4000", "4001", "4131", "A001"),
        CodeClass.TEMPLATE_NOT_USABLE: ("3015", "3016"),
        CodeClass.FINAL: ("3008", "3022", "3025", "4143"),
    }
)

# Public sources disagree on every code but 0.
ALIGO_CODES = provider_codes({CodeClass.ASK: ("-99", "-101", "509")})

_CODES: Mapping[str, ProviderCodes] = {
    "nhn": NHN_CODES,
    "solapi": SOLAPI_CODES,
    "sens": SENS_CODES,
    "aligo": ALIGO_CODES,
}


def codes_of(provider: str) -> ProviderCodes:
    """The codes of the provider with this name, as it is stored; none of one without codes."""
    return _CODES.get(provider, provider_codes({}))
