"""``coupon-service dead-letters``, and the same commands for each further topic that the worker reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from coupon_service.config import DeadLettersSettings
from coupon_service.dead_letters import open_dead_letters
from coupon_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.config import load_settings
from servicekit.messaging.dead_letters_cli import dead_letters_group
from servicekit.observability.logging import configure_logging


@contextmanager
def _open(subscription: Subscription) -> Iterator[Any]:
    settings = load_settings(DeadLettersSettings)
    configure_logging(settings.log_level, settings.log_format, "coupon-dead-letters")
    with open_dead_letters(settings, subscription) as operations:
        yield operations


def _group(subscription: Subscription) -> click.Group:
    return dead_letters_group(subscription.topic, partial(_open, subscription))


of_requests, of_completed_orders, of_cancelled_orders = map(_group, SUBSCRIPTIONS)
