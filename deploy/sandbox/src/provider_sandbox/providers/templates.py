"""Templates: a text with variables, which a provider sends only once Kakao has approved it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

TemplateStatus = Literal["REQUESTED", "REVIEWING", "APPROVED", "REJECTED"]

_VARIABLE = re.compile(r"#\{([^{}]+)\}")

_ORDER_COMPLETED = """\
[주문완료] #{name}님, 주문이 완료되었습니다.

- 주문번호: #{orderId}
- 주문수량: #{itemCount}개
- 결제금액: #{totalAmount}

이용해 주셔서 감사합니다."""
_ORDER_CANCELLED = """\
[주문취소] #{name}님, 주문이 모두 취소되었습니다.

- 주문번호: #{orderId}
- 취소수량: #{itemCount}개
- 환불금액: #{cancelledAmount}

결제하신 수단으로 환불됩니다."""
_ORDER_PARTLY_CANCELLED = """\
[부분취소] #{name}님, 주문하신 상품 일부가 취소되었습니다.

- 주문번호: #{orderId}
- 취소수량: #{itemCount}개
- 환불금액: #{cancelledAmount}
- 남은 결제금액: #{remainingAmount}

결제하신 수단으로 환불됩니다."""


@dataclass(frozen=True, slots=True)
class Template:
    """A registered template; variables are written ``#{name}`` in its content."""

    code: str
    content: str
    status: TemplateStatus

    @property
    def is_approved(self) -> bool:
        return self.status == "APPROVED"

    @property
    def names(self) -> list[str]:
        """The variables, in their order."""
        return list(dict.fromkeys(_VARIABLE.findall(self.content)))

    def fill(self, variables: Mapping[str, str]) -> str:
        """The finished text. Raises KeyError for a variable without a value."""
        return _VARIABLE.sub(lambda found: variables[found[1]], self.content)

    def variables_of(self, text: str) -> dict[str, str] | None:
        """The values with which the template becomes ``text``; None if it can't.

        A variable that occurs twice must have one value.
        """
        pattern, seen = "", list[str]()
        for index, part in enumerate(_VARIABLE.split(self.content)):
            if index % 2 == 0:
                pattern += re.escape(part)
            elif part in seen:
                pattern += f"(?P=v{seen.index(part)})"
            else:
                pattern += f"(?P<v{len(seen)}>.*?)"
                seen.append(part)
        found = re.fullmatch(pattern, text, re.DOTALL)
        return None if found is None else {name: found[f"v{at}"] for at, name in enumerate(seen)}


FIXED_TEMPLATES = (
    Template("ORDER_COMPLETED", _ORDER_COMPLETED, "APPROVED"),
    Template("ORDER_CANCELLED", _ORDER_CANCELLED, "APPROVED"),
    Template("ORDER_PART_CANCEL", _ORDER_PARTLY_CANCELLED, "APPROVED"),
    # SOLAPI gives templates ids of its own; these are the same templates.
    Template("KA01TP260101000000000ORDERCOMPLETED", _ORDER_COMPLETED, "APPROVED"),
    Template("KA01TP260101000000000ORDERCANCELLED", _ORDER_CANCELLED, "APPROVED"),
    Template("KA01TP260101000000000ORDERPARTCANCEL", _ORDER_PARTLY_CANCELLED, "APPROVED"),
)
