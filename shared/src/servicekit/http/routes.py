"""Routes, each declared in one way, so that all of an application's can be listed."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from flask import Flask, Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from servicekit.http.mounting import mounted_applications
from servicekit.http.problems import ProblemReply

Method = Literal["GET", "POST", "PUT", "DELETE"]
Replies = Mapping[int, type[BaseModel] | None]
KeyUse = Literal["optional", "required"]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Response])

_ATTRIBUTE = "declared_route"
# Without an entry of its own, flask-openapi3 declares 422 as a list.
_PROBLEMS: dict[str, type[BaseModel] | None] = {"422": ProblemReply, "default": ProblemReply}
_VARIABLE = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>")


@dataclass(frozen=True, slots=True)
class Route:
    """A route as clients know it; ``template`` like ``/api/v1/orders/{orderId}``."""

    method: Method
    template: str
    summary: str
    key: KeyUse | None = None
    headers: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Declaration:
    method: Method
    summary: str
    key: KeyUse | None
    headers: frozenset[tuple[int, str]]


def route(
    blueprint: APIBlueprint,
    method: Method,
    rule: str,
    *,
    summary: str,
    replies: Replies,
    problems: Mapping[int, type[ProblemReply]] | None = None,
    key: KeyUse | None = None,
    headers: Mapping[int, str] | None = None,
) -> Callable[[HandlerT], HandlerT]:
    """Declare the decorated handler as a route of ``blueprint``; ``rule`` is behind the blueprint's prefix.

    ``replies`` are the successful ones by status, None for one without a body: in the OpenAPI document every
    other reply is a problem; ``problems`` are those with examples or members of their own. ``key`` says that
    the handler reads an idempotency key, and ``headers`` which header a status has beside those of
    :func:`servicekit.http.described_headers.describe_headers`. The handler takes what it needs of ``path``,
    ``query`` and ``body``, each annotated with a model of :mod:`servicekit.http.models`.
    """

    def declare(handler: HandlerT) -> HandlerT:
        setattr(handler, _ATTRIBUTE, _Declaration(method, summary, key, frozenset((headers or {}).items())))
        register = getattr(blueprint, method.lower())
        described = {str(status): reply for status, reply in {**replies, **(problems or {})}.items()}
        responses = {**_PROBLEMS, **described}
        register(rule, summary=summary, responses=responses)(handler)
        return handler

    return declare


def declared_routes(app: Flask) -> Iterator[Route]:
    """Every route declared by :func:`route`, those of ``app`` in their order, then those mounted below it."""
    for rule in app.url_map.iter_rules():
        declaration = getattr(app.view_functions[rule.endpoint], _ATTRIBUTE, None)
        if isinstance(declaration, _Declaration):
            template = path_template(rule.rule)
            yield Route(
                declaration.method, template, declaration.summary, declaration.key, declaration.headers
            )
    for prefix, mounted in mounted_applications(app).items():
        for each in declared_routes(mounted):
            yield replace(each, template=prefix + each.template)


def path_template(rule: str) -> str:
    """A Flask rule as OpenAPI writes it: ``/orders/<string:orderId>`` becomes ``/orders/{orderId}``."""
    return _VARIABLE.sub(r"{\1}", rule)
