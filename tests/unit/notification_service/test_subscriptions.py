"""What follows each event is said in one place, and what is missing for it is found at the start."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from notification_service.cli import dead_letters_groups, main
from notification_service.domain.alimtalk_message import MessageKind
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.delivery import Effect
from notification_service.messaging.incoming_order_completed import OrderCompleted
from notification_service.subscriptions import SUBSCRIPTIONS, Subscription
from notification_service.template_files import InvalidTemplates, read_catalog
from tests.support.notification_builders import a_completed_order
from tests.support.parcel_shipped import PARCEL_SHIPPED, templates_with_parcels

WITH_PARCELS = [*SUBSCRIPTIONS, PARCEL_SHIPPED]


def test_a_completed_order_has_the_three_effects() -> None:
    subscription = SUBSCRIPTIONS[0]

    assert (subscription.topic, subscription.consumer_group) == ("order-completed", "order-consumer-group")
    assert subscription.effects == {Effect.ALIMTALK, Effect.ANALYTICS, Effect.MONITORING}
    assert subscription.template_of(read_catalog(), Locale.KOREAN)(a_completed_order()) == "ORDER_COMPLETED"
    assert (
        subscription.template_of(read_catalog(), Locale.ENGLISH)(a_completed_order()) == "ORDER_COMPLETED_EN"
    )


def test_a_cancellation_has_a_message_and_is_counted_beside_the_sales() -> None:
    subscription = SUBSCRIPTIONS[1]

    assert subscription.topic == "order-cancelled"
    assert subscription.consumer_group not in {"order-consumer-group", "coupon-consumer-group"}
    assert subscription.effects == {Effect.ALIMTALK, Effect.CANCELLED_SALES}


@pytest.mark.parametrize(
    ("message", "locale", "code"),
    [
        ("order_cancelled", Locale.KOREAN, "ORDER_CANCELLED"),
        ("order_cancelled", Locale.ENGLISH, "ORDER_CANCELLED_EN"),
        ("order_partly_cancelled", Locale.KOREAN, "ORDER_PART_CANCEL"),
        ("order_partly_cancelled", Locale.ENGLISH, "ORDER_PART_CANCEL_EN"),
    ],
)
def test_an_event_with_several_messages_names_the_one(message: str, locale: Locale, code: str) -> None:
    template_of = SUBSCRIPTIONS[1].template_of(read_catalog(), locale)

    assert template_of(a_completed_order(message=message)) == code
    with pytest.raises(KeyError):
        template_of(a_completed_order())


def test_a_message_without_templates_is_a_fault() -> None:
    with pytest.raises(InvalidTemplates) as invalid:
        read_catalog(subscriptions=WITH_PARCELS)

    assert invalid.value.faults == [f"parcel_shipped has no template in {locale}" for locale in Locale]


def test_a_template_of_a_message_that_nothing_sends_is_a_fault(tmp_path: Path) -> None:
    folder = templates_with_parcels(tmp_path / "templates")
    assert read_catalog(folder, WITH_PARCELS).by_code("PARCEL_SHIPPED").message == "parcel_shipped"

    with pytest.raises(InvalidTemplates, match="there is no message parcel_shipped"):
        read_catalog(folder)


def test_a_template_uses_only_what_its_own_event_says(tmp_path: Path) -> None:
    folder = templates_with_parcels(tmp_path / "templates")
    file = folder / "order_completed.ko.v1.toml"
    file.write_text(
        file.read_text().replace("#{orderId}", "#{parcelNumber}").replace("orderId =", "parcelNumber =")
    )

    with pytest.raises(InvalidTemplates, match="the message has no value of parcelNumber"):
        read_catalog(folder, WITH_PARCELS)


def test_the_dead_letters_of_each_topic_have_their_commands() -> None:
    groups = dict(dead_letters_groups(WITH_PARCELS))

    assert {name: group.help for name, group in groups.items()} == {
        "dead-letters": "Handle the records of order-completed.dlt.",
        "order-cancelled-dead-letters": "Handle the records of order-cancelled.dlt.",
        "parcel-shipped-dead-letters": "Handle the records of parcel-shipped.dlt.",
    }
    assert main.commands["dead-letters"].help == groups["dead-letters"].help


@pytest.mark.parametrize(
    ("effects", "messages"),
    [(frozenset({Effect.ALIMTALK}), ()), (frozenset({Effect.MONITORING}), PARCEL_SHIPPED.messages)],
)
def test_a_message_and_its_effect_need_each_other(
    effects: frozenset[Effect], messages: Sequence[MessageKind]
) -> None:
    with pytest.raises(ValueError, match="OrderCompleted: ALIMTALK and a message need each other"):
        Subscription(OrderCompleted, "group", effects, messages)
