"""Status codes: 1xxx refused at registration, 2000 accepted, 3xxx on the way or failed, 4000 done."""

from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.outcomes import ResultCodes

ACCEPTED = "2000"
HANDED_ON = "3000"
DELIVERED = "4000"
DUPLICATE_NUMBER = "1026"
NOT_ENOUGH_BALANCE = "1030"
UNKNOWN_CHANNEL = "1041"
UNKNOWN_TEMPLATE = "1042"
TEXT_MISMATCH = "1043"
SENDER_NOT_REGISTERED = "1062"
INVALID_NUMBER = "3010"

DELIVERY = ResultCodes(success=DELIVERED, unknown=frozenset({"3014", "3048"}))

_MESSAGES = {
    ACCEPTED: "정상 접수(이통사로 접수 예정)",
    HANDED_ON: "이통사로 접수됨",
    DELIVERED: "발송 완료",
    DUPLICATE_NUMBER: "중복 수신번호",
    NOT_ENOUGH_BALANCE: "잔액 부족",
    UNKNOWN_CHANNEL: "카카오톡 채널을 찾을 수 없음",
    UNKNOWN_TEMPLATE: "알림톡 템플릿을 찾을 수 없음",
    TEXT_MISMATCH: "템플릿과 내용이 다름",
    SENDER_NOT_REGISTERED: "등록되지 않은 발신번호",
    INVALID_NUMBER: "수신번호 형식 오류",
}


def message_of(code: str) -> str:
    return _MESSAGES.get(code, "실패")


def status_code(message: ProviderMessage) -> str:
    """What a message's status is at the moment for which it was read."""
    if message.stage == "UNSENT":
        return ACCEPTED
    if message.stage == "PENDING":
        return HANDED_ON
    if message.is_replaced:
        return DELIVERED if message.stage == "DELIVERED" else "3040"
    return message.result_code or HANDED_ON
