"""Servers may be restarted in the middle of a run: a reading that fails is taken again for a while."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from shop_demo.errors import NotAnswered

_DEADLINE_SECONDS = 60
_PAUSE_SECONDS = 0.5

P = ParamSpec("P")
R = TypeVar("R")


def outlasting_restarts(failure: type[Exception], whose: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Repeats a function while it raises `failure`; past the deadline, says that `whose` does not answer."""

    def decorate(read: Callable[P, R]) -> Callable[P, R]:
        def patiently(*args: P.args, **kwargs: P.kwargs) -> R:
            retrying = Retrying(
                retry=retry_if_exception_type(failure),
                stop=stop_after_delay(_DEADLINE_SECONDS),
                wait=wait_fixed(_PAUSE_SECONDS),
            )
            try:
                return retrying(read, *args, **kwargs)
            except RetryError as error:
                raise NotAnswered(f"{whose} does not answer: {error.last_attempt.exception()}") from error

        return patiently

    return decorate
