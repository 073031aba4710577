"""Templates before a call: just their values, not too long, and approved as they are."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
import structlog

from notification_service.application.check_templates import CheckTemplates
from notification_service.application.hold_unapproved import HoldUnapproved
from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.domain.alimtalk_template import Button, ButtonKind, Locale, Template, characters
from notification_service.domain.attempt import Postponed, Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryPostponed,
    DeliveryRejected,
    ReceiverUnavailable,
    TemplateMismatch,
    TemplateRefused,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.recorded_outcome import recorded_outcome
from notification_service.domain.registered_template import (
    ApprovalState,
    RegisteredButton,
    RegisteredTemplate,
    obstacle,
)
from notification_service.domain.template_catalog import TemplateCatalog
from servicekit.lifecycle import StopSignal
from tests.support.notification_builders import TEMPLATES, WRITE_ALIMTALK, a_completed_order, a_delivery

TEMPLATE = TEMPLATES.newest("order_completed", Locale.KOREAN)
LINK = "https://shop.example/#{orderId}"
REGISTERED = RegisteredTemplate(TEMPLATE.content, ApprovalState.APPROVED, [])


def writing(template: Template) -> WriteAlimtalk:
    return WriteAlimtalk(TemplateCatalog([template]))


def test_each_delivery_has_the_template_with_which_it_was_accepted() -> None:
    codes = [
        WRITE_ALIMTALK(a_delivery(template=code)).template_code
        for code in (None, "ORDER_COMPLETED", "ORDER_COMPLETED_EN")
    ]

    assert codes == ["ORDER_COMPLETED", "ORDER_COMPLETED", "ORDER_COMPLETED_EN"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ({"name", "orderId", "itemCount"}, "ORDER_COMPLETED needs a value of totalAmount"),
        ({"name"}, "ORDER_COMPLETED needs a value of itemCount, orderId, totalAmount"),
        ({*TEMPLATE.variables, "couponId"}, "ORDER_COMPLETED declares no couponId"),
    ],
)
def test_missing_and_extra_values_are_named(names: set[str], complaint: str) -> None:
    with pytest.raises(TemplateMismatch, match=complaint):
        TEMPLATE.check(names)


def test_a_version_may_use_fewer_values_and_then_gets_no_other() -> None:
    shorter = replace(TEMPLATE, content="#{name}님", variables={"name": 100})

    message = writing(shorter)(a_delivery(a_completed_order(name="김하늘")))

    assert (message.content, message.variables) == ("김하늘님", {"name": "김하늘"})


def test_a_message_has_its_templates_title_and_buttons() -> None:
    button = Button(ButtonKind.WEB_LINK, "주문 보기", mobile_link="https://shop.example/#{orderId}")
    order = a_completed_order()

    message = writing(replace(TEMPLATE, title="#{totalAmount}", buttons=(button,)))(a_delivery(order))

    assert message.title == "30,000원"
    assert message.buttons == (replace(button, mobile_link=f"https://shop.example/{order.order_id}"),)


@pytest.mark.parametrize(
    "template", [replace(TEMPLATE, code="OTHER"), replace(TEMPLATE, variables={**TEMPLATE.variables, "x": 1})]
)
@pytest.mark.parametrize("purpose", Purpose)
def test_what_can_not_be_written_waits_and_raises_the_alarm(template: Template, purpose: Purpose) -> None:
    delivery = a_delivery(purpose=purpose)

    with structlog.testing.capture_logs() as logs, pytest.raises(DeliveryPostponed) as postponed:
        writing(template)(delivery)

    assert postponed.value.reason == FailureReason.TEMPLATE_NOT_USABLE
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("alimtalk_template_not_usable", "error")
    ]
    outcome = Postponed(delivery, postponed.value.delay_seconds, postponed.value.reason)
    stays = DeliveryStatus.PENDING if purpose is Purpose.SEND else DeliveryStatus.UNKNOWN
    assert recorded_outcome(outcome).status == stays


def test_a_held_message_waits_for_its_templates_id() -> None:
    held = a_delivery(template="ORDER_COMPLETED")
    write = WriteAlimtalk(TEMPLATES, has_sms=True, codes_with_ids={"ORDER_COMPLETED_EN"})

    with structlog.testing.capture_logs() as logs:
        for delivery in (held, held):
            with pytest.raises(DeliveryPostponed) as postponed:
                write(delivery)
            assert postponed.value.reason == FailureReason.TEMPLATE_NOT_USABLE

    # Once for all: thousands may be held.
    assert [(line["event"], line["template"]) for line in logs] == [
        ("alimtalk_template_not_usable", "ORDER_COMPLETED")
    ]
    assert write(a_delivery(template="ORDER_COMPLETED_EN")).content
    # Neither a look-up nor an SMS needs the provider's id of a template.
    assert write(replace(held, purpose=Purpose.LOOK_UP, attempt=2)).content
    assert write(a_delivery(a_completed_order(phone="0507-1234-5678"))).as_sms


@pytest.mark.parametrize("letter", ["김", "\U0001f600"])
def test_a_text_too_long_is_refused_before_it_is_sent(letter: str) -> None:
    write = writing(replace(TEMPLATE, variables={**TEMPLATE.variables, "name": 1_000}))
    room = (1_000 - len(write(a_delivery(a_completed_order(name=""))).content)) // characters(letter)
    too_long = a_completed_order(name=letter * (room + 1))

    with pytest.raises(DeliveryRejected) as rejected:
        write(a_delivery(too_long))

    assert rejected.value.reason == FailureReason.MESSAGE_TOO_LONG
    assert write(a_delivery(a_completed_order(name=letter * room))).content
    # It may have been sent by a former release, whose text was shorter.
    assert write(a_delivery(too_long, purpose=Purpose.LOOK_UP, attempt=2)).content


@pytest.mark.parametrize(
    ("template", "length"),
    [
        (TEMPLATE, 100),
        (replace(TEMPLATE, title="#{name}"), 50),
        (
            replace(
                TEMPLATE,
                variables={**TEMPLATE.variables, "name": 600},
                buttons=(Button(ButtonKind.WEB_LINK, "보기", mobile_link="https://#{name}"),),
            ),
            492,
        ),
    ],
    ids=["value", "title", "link"],
)
def test_values_titles_and_links_are_measured_before_the_call(template: Template, length: int) -> None:
    assert writing(template)(a_delivery(a_completed_order(name="김" * length)))

    with pytest.raises(DeliveryRejected) as rejected:
        writing(template)(a_delivery(a_completed_order(name="김" * (length + 1))))

    assert rejected.value.reason == FailureReason.MESSAGE_TOO_LONG
    assert "김" not in str(rejected.value)


@pytest.mark.parametrize(
    ("registered", "reason"),
    [
        (None, "the provider has no template of this code"),
        (replace(REGISTERED, state=ApprovalState.REQUESTED), "it is not approved: REQUESTED"),
        (replace(REGISTERED, state=ApprovalState.IN_REVIEW), "it is not approved: IN_REVIEW"),
        (replace(REGISTERED, state=ApprovalState.REJECTED), "it is not approved: REJECTED"),
        (replace(REGISTERED, content=TEMPLATE.content + "!"), "its content differs"),
        (replace(REGISTERED, content=TEMPLATE.content.replace("#{name}", "#{buyer}")), "its content differs"),
        (replace(REGISTERED, buttons=[RegisteredButton("WL", "주문 보기")]), "its buttons differ"),
        (replace(REGISTERED, title="주문"), "its title differs"),
        (replace(REGISTERED, title="", subtitle="주문"), "its subtitle differs"),
        (replace(REGISTERED, variables=frozenset({"name"})), "its variables differ"),
    ],
)
def test_what_the_provider_would_refuse_is_an_obstacle(
    registered: RegisteredTemplate | None, reason: str
) -> None:
    assert (obstacle(TEMPLATE, registered) or "").startswith(reason)


@pytest.mark.parametrize(
    "registered",
    [
        REGISTERED,
        replace(REGISTERED, content=TEMPLATE.content.replace("\n", "\r\n") + "\r\n"),
        replace(REGISTERED, content=TEMPLATE.content.replace("\n", "  \n")),
        replace(REGISTERED, content=unicodedata.normalize("NFD", TEMPLATE.content)),
        replace(REGISTERED, content=TEMPLATE.content.replace("\n", "\\n").replace("[", "&#91;")),
        replace(REGISTERED, title="", subtitle="", variables=TEMPLATE.used_variables),
        replace(REGISTERED, buttons=None),
        replace(REGISTERED, state=ApprovalState.UNKNOWN),
    ],
)
def test_an_approved_template_has_no_obstacle(registered: RegisteredTemplate) -> None:
    assert obstacle(TEMPLATE, registered) is None


@pytest.mark.parametrize(
    ("links", "is_same"),
    [({}, True), ({"mobile_link": LINK}, True), ({"mobile_link": f"{LINK}/other"}, False)],
)
def test_links_are_compared_where_the_provider_has_them(links: dict[str, str], is_same: bool) -> None:
    template = replace(TEMPLATE, buttons=(Button(ButtonKind.WEB_LINK, "보기", mobile_link=LINK),))
    registered = replace(REGISTERED, buttons=[RegisteredButton("WL", "보기", links)])

    assert (obstacle(template, registered) is None) == is_same


@dataclass
class Register:
    """What a provider has, or the error of every question."""

    templates: Mapping[str, RegisteredTemplate] = field(default_factory=dict)
    failure: DeliveryFailed | None = None

    def registered(self, code: str) -> RegisteredTemplate | None:
        if self.failure is not None:
            raise self.failure
        return self.templates.get(code)


def held(
    obstacle_of: Callable[[str], str | None],
    purpose: Purpose = Purpose.SEND,
    phone: str = "010-1234-5678",
) -> bool:
    """Whether a delivery is kept back."""
    courier = HoldUnapproved(lambda delivery, may_send: Receipt(), obstacle_of, lambda code: None)
    try:
        courier(a_delivery(a_completed_order(phone=phone), purpose=purpose), lambda: True)
    except DeliveryPostponed as postponed:
        return postponed.reason is FailureReason.TEMPLATE_NOT_USABLE
    return False


def checking(register: Register, clock: list[float]) -> CheckTemplates:
    catalog = TemplateCatalog(TEMPLATES.newest("order_completed", locale) for locale in Locale)
    return CheckTemplates(register, catalog, Locale.KOREAN, lambda: clock[0])


def test_a_check_that_failed_is_made_again_within_seconds() -> None:
    register = Register(failure=ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy"))
    clock = [0.0]
    check = checking(register, clock)
    check(StopSignal())
    register.failure = None

    clock[0] += 5
    pause = check(StopSignal()).pause_seconds

    assert check.obstacle_of(TEMPLATE.code) == "the provider has no template of this code"
    assert pause <= 1


def test_a_lying_list_of_templates_ends_neither_a_process_nor_its_start() -> None:
    # More digits than Python reads as a number: a bug of the comparison.
    lying = replace(REGISTERED, content=f"&#{'9' * 5_000};")
    check = checking(Register({TEMPLATE.code: lying}), [0.0])

    with structlog.testing.capture_logs() as logs:
        assert check(StopSignal()).pause_seconds <= 1

    assert [(line["event"], line["reason"]) for line in logs] == [
        ("alimtalk_template_not_checked", "ValueError")
    ]
    assert check.held() == frozenset()


def test_a_template_that_the_provider_refuses_is_held_and_soon_checked() -> None:
    register, clock = Register({TEMPLATE.code: REGISTERED}), [0.0]
    check = checking(register, clock)
    check(StopSignal())

    def refuses(delivery: object, may_send: object) -> Receipt:
        raise TemplateRefused(FailureReason.TEMPLATE_NOT_USABLE, "code -3005")

    courier = HoldUnapproved(refuses, check.obstacle_of, check.doubt)
    with structlog.testing.capture_logs() as logs, pytest.raises(TemplateRefused):
        courier(a_delivery(), lambda: True)
    assert [line["event"] for line in logs] == ["alimtalk_template_not_usable"]

    assert held(check.obstacle_of)
    register.templates = {TEMPLATE.code: replace(REGISTERED, state=ApprovalState.REJECTED)}
    clock[0] += 5
    check(StopSignal())
    clock[0] += 120
    assert check.obstacle_of(TEMPLATE.code) == "it is not approved: REJECTED"
    register.templates = {TEMPLATE.code: REGISTERED}
    check(StopSignal())
    assert not held(check.obstacle_of)


def test_a_refusal_that_no_check_explains_holds_for_a_minute() -> None:
    clock = [0.0]
    register = Register(failure=ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy"))
    check = checking(register, clock)

    # A template that only older messages have is looked at, too.
    check.doubt("ORDER_COMPLETED_EN")

    assert check.held() == {"ORDER_COMPLETED_EN"}
    clock[0] += 61
    check(StopSignal())
    assert check.held() == frozenset()


def test_messages_wait_until_their_template_is_approved() -> None:
    register = Register()
    clock = [0.0]
    check, stop = checking(register, clock), StopSignal()
    assert not held(check.obstacle_of)

    with structlog.testing.capture_logs() as logs:
        check(stop)
        assert held(check.obstacle_of)
        assert check.held() == {"ORDER_COMPLETED"}
        assert not held(check.obstacle_of, Purpose.LOOK_UP)
        # An SMS has no template.
        assert not held(check.obstacle_of, phone="0507-1234-5678")
        clock[0] += 60
        register.failure = ReceiverUnavailable(FailureReason.RECEIVER_BUSY, "busy")
        check(stop)
        assert held(check.obstacle_of)
        register.failure, register.templates = None, {TEMPLATE.code: REGISTERED}
        clock[0] += 5
        check(stop)

    assert not held(check.obstacle_of)
    assert check.held() == frozenset()
    assert [line["event"] for line in logs] == [
        "alimtalk_template_not_usable",
        "alimtalk_template_not_checked",
        "alimtalk_template_usable_again",
    ]


def test_a_provider_that_can_not_be_asked_holds_nothing_back() -> None:
    check = CheckTemplates(None, TEMPLATES, Locale.KOREAN)

    assert check(StopSignal()).pause_seconds > 0
    assert not held(check.obstacle_of)
