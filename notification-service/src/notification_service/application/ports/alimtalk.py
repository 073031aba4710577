"""What alimtalk needs of a provider: sending, results, templates, webhooks."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from notification_service.application.ports.couriers import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ReportedResults
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.registered_template import RegisteredTemplate

Sent = str | DeliveryFailed
"""What became of a message: the provider's id of it, or why it has none."""


class MessageBatches(Protocol):
    """How a provider takes several messages in one call."""

    @property
    def most(self) -> int:
        """How many messages a call may have."""
        ...

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        """Send each of these messages at most once; returns what became of each, in their order.

        They are of one template and kind, go to different numbers, and were never sent before. Of a message
        that the reply doesn't name once and clearly, OutcomeUnknown is returned.

        Asks ``may_send`` as :meth:`AlimtalkProvider.send` does. Raises NotSent, or what that one raises, if
        it holds for all of the messages.
        """
        ...


class AlimtalkProvider(Protocol):
    """A provider of alimtalk messages. An adapter turns its replies and codes into these few meanings.

    The ids that it returns can be stored as text; one that can't is a malformed reply.
    """

    @property
    def name(self) -> str:
        """In lower case, as it is stored and stands in the path of its webhooks."""
        ...

    @property
    def can_look_up(self) -> bool:
        """Whether :meth:`find` works. Without it, a message of unknown outcome waits for an operator."""
        ...

    @property
    def accepts_finally(self) -> bool:
        """Whether what it accepts counts as delivered, so that no final result is awaited."""
        ...

    @property
    def keeps_unsent(self) -> bool:
        """Whether a message that :meth:`find` doesn't find may be there, to be sent by a later call."""
        ...

    @property
    def results_at_once(self) -> int:
        """How many messages :meth:`results` may be asked about; 0 if it can't be asked at all."""
        ...

    @property
    def batches(self) -> MessageBatches | None:
        """Sends several messages in one call; None if each is sent alone."""
        ...

    def asked_together(self, awaited: AwaitedResult) -> str:
        """What messages must have in common for one call of :meth:`results` to ask about them."""
        ...

    def find(self, message: AlimtalkMessage) -> str | None:
        """The provider's id of an accepted message with this message's reference; None if there is none.

        One of the message's ``failed_ids`` is none. Raises ReceiverUnavailable or OutcomeUnknown if the
        provider doesn't say.
        """
        ...

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        """Send the message at most once; returns the provider's id of it, which isn't in ``failed_ids``.

        Asks ``may_send`` at the last moment at which the message can be withdrawn, and raises NotSent if it
        returns false. Raises EarlierMessageFound instead of sending what an earlier attempt has sent,
        DeliveryRejected if the provider will never accept the message (an unknown number), TemplateRefused if
        it accepts none of this template, ReceiverUnavailable if it surely has not accepted the message,
        OutcomeUnknown if it may have.
        """
        ...

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """What became of these messages: at most ``results_at_once``, which are :meth:`asked_together`.

        Raises ReceiverUnavailable or OutcomeUnknown if the provider says nothing of any of them.
        """
        ...


class TemplateRegister(Protocol):
    """The templates that the provider has."""

    def registered(self, code: str) -> RegisteredTemplate | None:
        """The template that the provider has for our ``code``; None if it has none.

        Raises ReceiverUnavailable or OutcomeUnknown if the provider doesn't say.
        """
        ...


class WebhookParser(Protocol):
    """Reads what one provider posts about messages that it accepted."""

    def __call__(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, /
    ) -> ReportedResults:
        """The results in the order in which the body has them; ``headers`` by names in lower case.

        Raises ForgedWebhook unless the provider sent it, and MalformedWebhook if the body can't be read.
        """
        ...
