"""Figures as CSV, in the OpenAPI document."""

from collections.abc import Mapping

from flask_openapi3.openapi import OpenAPI


def describe_csv(app: OpenAPI, examples: Mapping[str, str]) -> None:
    """Describe CSV beside the JSON of each operation of ``examples``, such as ``GET /api/v1/analytics/days``.

    Raises KeyError for an operation that there is not.
    """
    for name, text in examples.items():
        method, _, template = name.partition(" ")
        answer = app.api_doc["paths"][template][method.lower()]["responses"]["200"]
        answer["content"]["text/csv"] = {"schema": {"type": "string"}, "example": text}
