"""Events that this service did not write, or that differ from what it stored."""

from flask.testing import FlaskClient
from sqlalchemy import Engine

from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from servicekit.identifiers import uuid7
from servicekit.inbox.offsets import AppliedOffset, OffsetStore, applying
from tests.integration.coupon_service.builders import an_event
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    count,
    create_coupon,
    published_events,
    request_of,
)

PAST = {"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}
DURING = "2026-01-01T12:00:00Z"


def test_an_event_without_a_stored_request_issues_nothing(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, **PAST)
    foreign = an_event(7, coupon_id, occurredAt=DURING)

    refused = a_handler(engine).handle([foreign])

    assert refused == {0: f"the request {foreign.request_id} is not stored here"}
    assert (count(engine, "user_coupon"), count(engine, "coupon_request")) == (0, 0)
    # Not remembered as applied: after a restore of the database, a replay must have its effect.
    assert count(engine, "inbox") == 0


def test_offsets_of_events_without_effect_are_kept(client: FlaskClient, engine: Engine) -> None:
    """Left where they are, they would look like those of a database that went back."""
    accepted(client, 7, create_coupon(client))
    [event] = published_events(engine)
    foreign = an_event(7, event.coupon_id)

    for next_offset, events in enumerate([[event], [event], [foreign]], start=1):
        with applying({(event.event_type.topic, 0): AppliedOffset(next_offset, "cluster", None)}):
            a_handler(engine).handle(events)
        [applied] = OffsetStore(engine, CONSUMER_GROUP).load().values()
        assert applied.next_offset == next_offset


def test_an_event_of_another_user_or_coupon_than_its_request_is_refused(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id, other_id = create_coupon(client), create_coupon(client)
    request_id = accepted(client, 7, coupon_id)
    forged = [
        an_event(user, coupon, requestId=str(request_id)) for user, coupon in ((8, coupon_id), (7, other_id))
    ]

    refused = a_handler(engine).handle([*forged, *published_events(engine)])

    reason = f"the stored request {request_id} is for another user or coupon"
    assert refused == {0: reason, 1: reason}
    assert request_of(client, request_id)["status"] == "ISSUED"
    assert (count(engine, "user_coupon"), count(engine, "inbox")) == (1, 1)


def test_the_stored_time_of_acceptance_decides_not_that_of_the_event(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client, **PAST)
    # One that slipped through the gate.
    event = a_stored_event(engine, 7, coupon_id)
    early = event.model_validate(
        event.model_dump(by_alias=True) | {"eventId": uuid7(), "occurredAt": DURING}
        | {"eventType": event.event_type.name, "version": event.event_type.version}
    )  # fmt: skip

    a_handler(engine).handle([early])

    request = request_of(client, event.request_id)
    assert (request["status"], request["reason"]) == ("REJECTED", "ENDED")
