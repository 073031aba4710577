"""Wrong clocks of ours. The doubles, in the same process, keep the right time."""

import time
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Self

import pytest

from notification_service.alimtalk import sens
from notification_service.alimtalk.solapi import requests as solapi_requests


def skew_sens(patch: pytest.MonkeyPatch, seconds: float) -> None:
    wrong = SimpleNamespace(time_ns=lambda: time.time_ns() + int(seconds * 1e9))
    patch.setattr(sens, "time", wrong)


def skew_solapi(patch: pytest.MonkeyPatch, seconds: float) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(seconds=seconds)

    patch.setattr(solapi_requests, "datetime", Wrong)
