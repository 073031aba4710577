"""SOLAPI's groups: create, add messages, send."""

from collections.abc import Mapping
from typing import Any

from provider_sandbox.providers.controls import Account, SolapiFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.identifiers import dated_id
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.messages import NewMessage, ProviderMessage
from provider_sandbox.providers.outcomes import Outcome, outcome_of, refused
from provider_sandbox.providers.phone_numbers import is_korean_mobile, is_safe_number
from provider_sandbox.providers.solapi import codes
from provider_sandbox.providers.solapi.bodies import AddMessagesBody, GroupBody
from provider_sandbox.providers.solapi.group_record import Group
from provider_sandbox.providers.solapi.registration import (
    Registered,
    registered,
    without_duplicates,
)
from provider_sandbox.providers.solapi.replies import added_reply, group_view
from provider_sandbox.providers.solapi.signature import refusal

_MAX_GROUP = 1_000_000


class SolapiGroups:
    """Every method returns the reply, or raises a refusal."""

    def __init__(self, controls: Account[SolapiFaults], desk: MessageDesk) -> None:
        self._controls = controls
        self._desk = desk
        self._records = desk.records

    def create(self, body: GroupBody) -> dict[str, Any]:
        now = self._records.clock.now()
        group_id = dated_id("G4V", now)
        allows = body.allow_duplicates
        self._records.groups.add(group_id, body.custom_fields, now, allows_duplicates=allows)
        return self._info(group_id, now)

    def delete(self, group_id: str) -> dict[str, Any]:
        """Delete a group that was not sent. What becomes of one that was is a control of the sandbox."""
        faults = self._controls.controls
        with self._records.database.transaction():
            group = self._group(group_id)
            if group.is_deleted or not faults.deletes_sent:
                _check_pending(group)
            self._records.groups.delete(group_id)
        return self._info(group_id, self._records.clock.now())

    def info(self, group_id: str) -> dict[str, Any]:
        return self._info(group_id, self._records.clock.now())

    def add(self, group_id: str, body: AddMessagesBody) -> dict[str, Any]:
        """Register messages; none is sent. A group that was sent takes no more."""
        now, faults = self._records.clock.now(), self._controls.controls
        with self._records.database.transaction():
            group = self._group(group_id)
            _check_pending(group)
            if faults.messages_left == 0:
                results = [Registered(each, codes.NOT_ENOUGH_BALANCE, {}, "") for each in body.messages]
            else:
                get = self._records.templates.approved
                results = [registered(each, get, faults.refused_recipients) for each in body.messages]
            if not group.allows_duplicates:
                results = without_duplicates(results)
            messages = [(dated_id("M4V", now), each) for each in results]
            kept = [
                _message(group, at, message_id, each, now)
                for at, (message_id, each) in enumerate(messages, 1)
            ]
            self._desk.accept(kept, faults, now)
        return added_reply(messages)

    def send(self, group_id: str) -> dict[str, Any]:
        """Send what is registered. What a second time does is a control of the sandbox."""
        now, faults = self._records.clock.now(), self._controls.controls
        with self._records.database.transaction():
            group = self._group(group_id)
            if group.is_deleted:
                _check_pending(group)
            waiting = [each for each in self._messages(group_id, now) if each.stage != "REFUSED"]
            if not waiting:
                raise refusal(404, "ResourceNotFound", "The group has no message.")
            if group.sends and faults.second_send == "refused":
                raise refusal(400, "ValidationError", "The group is not PENDING.")
            if not self._controls.spend(len(waiting)):
                raise refusal(402, "NotEnoughBalance", "The balance is used up.")
            for message in waiting:
                outcome = _outcome(message.recipient_no, message.fields, faults, now)
                self._desk.send_again(message.message_id, outcome, faults)
            self._records.groups.count_send(group_id, now)
        return self._info(group_id, now)

    def _info(self, group_id: str, now: float) -> dict[str, Any]:
        return group_view(self._group(group_id), self._messages(group_id, now))

    def _group(self, group_id: str) -> Group:
        group = self._records.groups.get(group_id)
        if group is None:
            raise refusal(404, "ResourceNotFound", "The group does not exist.")
        return group

    def _messages(self, group_id: str, now: float) -> list[ProviderMessage]:
        wanted = MessageFilter(self._desk.provider, group_id=group_id)
        return self._records.messages.find(wanted, now, limit=_MAX_GROUP)


def _check_pending(group: Group) -> None:
    if group.sends or group.is_deleted:
        raise refusal(400, "ValidationError", "The group is not PENDING.")


def _message(group: Group, position: int, message_id: str, message: Registered, now: float) -> NewMessage:
    body = message.body
    options = body.kakao_options
    return NewMessage(
        message_id=message_id,
        group_id=group.group_id,
        position=position,
        reference=_reference(body.custom_fields) or _reference(group.custom_fields),
        template_code="" if options is None else options.template_id,
        recipient_no=body.to,
        variables=message.variables,
        content=message.content,
        outcome=None if message.is_accepted else refused(message.code, now),
        fields={
            "from": body.sender,
            "type": body.type,
            "disableSms": options is None or options.disable_sms,
            "customFields": body.custom_fields,
        },
    )


def _outcome(recipient_no: str, fields: Mapping[str, Any], faults: SolapiFaults, now: float) -> Outcome:
    can_get_it = is_korean_mobile(recipient_no) or (fields["type"] == "LMS" and is_safe_number(recipient_no))
    code = None if can_get_it else codes.INVALID_NUMBER
    has_fallback = can_get_it and not fields["disableSms"]
    return outcome_of(codes.DELIVERY, faults, recipient_no, now, has_fallback=has_fallback, code=code)


def _reference(custom_fields: dict[str, str]) -> str:
    """Our reference: the field of that name, or else the first one."""
    return custom_fields.get("reference") or next(iter(custom_fields.values()), "")
