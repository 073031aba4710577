"""``/templates``: what is registered with every provider; for tests."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.http.bodies import TemplateBody, TemplatePath
from provider_sandbox.http.replies import TemplateReply, TemplatesReply
from provider_sandbox.providers.template_record import TemplateRecord
from provider_sandbox.providers.templates import Template
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def template_routes(templates: TemplateRecord) -> APIBlueprint:
    """Listing, adding and changing templates, and going back to the fixed ones."""
    routes = APIBlueprint("templates", __name__, url_prefix="/templates")

    @route(routes, "GET", "", summary="List templates", replies={200: TemplatesReply})
    def get_templates() -> Response:
        return json_reply(TemplatesReply.model_validate({"templates": templates.all()}))

    @route(routes, "PUT", "/<string:code>", summary="Add or change a template", replies={200: TemplateReply})
    def put_template(path: TemplatePath, body: TemplateBody) -> Response:
        template = Template(path.code, body.content, body.status)
        templates.put(template)
        return json_reply(TemplateReply.model_validate(template))

    @route(routes, "DELETE", "", summary="Go back to the fixed templates", replies={204: None})
    def delete_templates() -> Response:
        templates.reset()
        return Response(status=204)

    return routes
