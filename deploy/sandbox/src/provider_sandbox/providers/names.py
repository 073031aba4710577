"""The providers, by the names in paths, controls and records."""

from typing import Literal, get_args

ProviderName = Literal["nhn", "solapi", "sens", "aligo"]
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
