"""Lists a page at a time."""

from typing import Annotated

from pydantic import Field

from servicekit.fields import RequestModel


class PageQuery(RequestModel):
    """``after`` is the ``next`` of the page before; 0 begins."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
