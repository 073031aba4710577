"""The same rooms in every service: what one service has, another has under the same name."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from servicekit.event_type import EventType
from servicekit.fields import RequestModel
from servicekit.http.models import BodyModel, PathModel, QueryModel
from servicekit.http.mounting import mounted_applications
from servicekit.http.routes import declared_routes, path_template
from tests.support.applications import APPLICATIONS

SERVICES = ("coupon", "order", "notification")
LONGEST_PORTS_LINES = 400
NO_ROUTES = {"/healthz", "/readyz", "/metrics", "/docs", "/static/<path:filename>"}
# Beside a verb, these say when, where or how, and not what.
NO_NOUNS = {"again", "alone", "apart", "at", "due", "elsewhere", "first", "from", "in", "once", "to", "up"}
each_service = pytest.mark.parametrize("service", SERVICES)


def source(service: str) -> Path:
    root = importlib.import_module(f"{service}_service").__file__
    assert root is not None
    return Path(root).parent


def modules(service: str, room: str, *, apart_from: tuple[str, ...] = ()) -> Iterator[ModuleType]:
    """The modules of one folder of a service, those of its own folders apart."""
    for file in sorted((source(service) / room).glob("*.py")):
        if file.stem not in ("__init__", *apart_from):
            yield importlib.import_module(f"{service}_service.{room}.{file.stem}")


def all_modules(service: str, room: str) -> Iterator[ModuleType]:
    """The modules of one folder of a service and of all folders in it."""
    for file in sorted((source(service) / room).rglob("*.py")):
        parts = file.relative_to(source(service).parent).with_suffix("").parts
        yield importlib.import_module(".".join(parts).removesuffix(".__init__"))


def own_functions(module: ModuleType) -> list[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, value in functions if value.__module__ == module.__name__]


def stem(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def port_files(service: str) -> list[Path]:
    """``ports.py``, or the files of a package of that name, each with the ports of one subject."""
    package = source(service) / "application" / "ports"
    return sorted(package.glob("*.py")) if package.is_dir() else [package.with_suffix(".py")]


def defined_names(file: Path) -> Iterator[str]:
    """Classes and aliases."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))


def camel_case(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def own_classes(module: ModuleType) -> dict[str, type]:
    return {
        name: value
        for name, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__ == module.__name__
    }


@each_service
def test_a_use_case_is_a_callable_class_in_a_file_of_its_name(service: str) -> None:
    for module in modules(service, "application", apart_from=("ports",)):
        callables = [name for name, value in own_classes(module).items() if "__call__" in vars(value)]
        assert callables == [camel_case(stem(module))]
        words = set(stem(module).split("_")) - NO_NOUNS
        assert len(words) > 1, f"{stem(module)} has a verb and no noun"


@each_service
def test_what_an_operator_does_is_a_command_with_by_and_reason(service: str) -> None:
    for module in modules(service, "application", apart_from=("ports",)):
        use_case = vars(module)[camel_case(stem(module))]
        parameters = inspect.signature(use_case.__call__).parameters
        assert not {"by", "reason", "because"} & set(parameters), module
        for name, value in own_classes(module).items():
            assert not name.endswith("Command") or "because" not in value.__annotations__, name


@each_service
def test_ports_are_in_one_module_with_one_unit_of_work(service: str) -> None:
    ports = importlib.import_module(f"{service}_service.application.ports")
    assert {"UnitOfWork", "UnitOfWorkFactory"} <= set(vars(ports))
    for module in all_modules(service, "application"):
        if ".ports" in module.__name__:
            continue
        protocols = [name for name, value in own_classes(module).items() if getattr(value, "_is_protocol", 0)]
        assert not protocols, module


@each_service
def test_ports_are_a_package_only_where_one_file_is_too_long(service: str) -> None:
    lines = [len(file.read_text().splitlines()) for file in port_files(service)]
    assert max(lines) <= LONGEST_PORTS_LINES
    assert len(lines) == 1 or sum(lines) > LONGEST_PORTS_LINES


@each_service
def test_a_package_of_ports_is_used_like_one_file(service: str) -> None:
    name = f"{service}_service.application.ports"
    defined = [each for file in port_files(service) for each in defined_names(file)]
    assert sorted(defined) == sorted(set(defined) & set(vars(importlib.import_module(name))))
    for file in source(service).rglob("*.py"):
        assert file in port_files(service) or f"from {name}." not in file.read_text(), file


@each_service
def test_only_the_application_commits(service: str) -> None:
    for file in source(service).rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        commits = [call for call in calls if getattr(call.func, "attr", "") == "commit"]
        assert not commits or file.parent.name == "application", file


@each_service
def test_persistence_has_one_unit_of_work_and_repositories_by_noun(service: str) -> None:
    unit_of_work = importlib.import_module(f"{service}_service.persistence.unit_of_work")
    assert f"{camel_case(service)}UnitOfWork" in own_classes(unit_of_work)
    for module in modules(service, "persistence", apart_from=("tables", "unit_of_work")):
        assert f"Sql{camel_case(stem(module))}" in own_classes(module)


@each_service
def test_http_has_routes_by_noun_beside_bodies_replies_and_problems(service: str) -> None:
    rooms = {stem(module) for module in modules(service, "http")}
    assert {"bodies", "replies", "problems"} <= rooms
    for module in modules(service, "http", apart_from=("bodies", "replies", "problems")):
        # What answers ahead of the application is a front, and has no routes.
        if stem(module).endswith("_front"):
            assert list(own_classes(module)) == [camel_case(stem(module))]
            continue
        names = {f"{stem(module)}_routes", f"{stem(module).removesuffix('s')}_routes"}
        assert names & set(vars(module)), module
    assert "PROBLEMS" in vars(importlib.import_module(f"{service}_service.http.problems"))


@each_service
def test_routes_are_in_a_file_of_their_noun_in_every_folder(service: str) -> None:
    for module in all_modules(service, "http"):
        routes = {name for name in own_functions(module) if name.endswith("_routes")}
        assert routes <= {f"{stem(module)}_routes", f"{stem(module).removesuffix('s')}_routes"}, module
        assert "route" not in vars(module) or routes, module


@each_service
def test_models_of_requests_are_bodies_and_say_which_part_they_are(service: str) -> None:
    for module in all_modules(service, "http"):
        for name, model in own_classes(module).items():
            if stem(module) != "bodies":
                assert not issubclass(model, PathModel | QueryModel | BodyModel), model
                continue
            if issubclass(model, BaseModel):
                assert issubclass(model, RequestModel), model
            for suffix, base in (("Path", PathModel), ("Query", QueryModel), ("Body", BodyModel)):
                assert issubclass(model, base) == name.endswith(suffix), model


@each_service
def test_every_route_is_declared_through_servicekit(service: str) -> None:
    app = APPLICATIONS[service]()
    served = {
        (method, prefix + path_template(rule.rule))
        for prefix, each in {"": app, **mounted_applications(app)}.items()
        for rule in each.url_map.iter_rules()
        # Health, metrics, and the document with what shows it.
        if rule.rule not in NO_ROUTES and not rule.endpoint.startswith(("swagger.", "openapi."))
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(route.method, route.template) for route in declared_routes(app)}
    assert served


@each_service
def test_only_servicekit_mounts_an_application(service: str) -> None:
    assert not [file for file in source(service).rglob("*.py") if "wsgi_app" in file.read_text()]


@each_service
def test_every_operation_declares_its_problems(service: str) -> None:
    document = APPLICATIONS[service]().api_doc
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        for status in ("422", "default"):
            [content] = operation["responses"][status]["content"].values()
            assert content["schema"] == {"$ref": "#/components/schemas/ProblemReply"}


@each_service
def test_messages_are_incoming_or_outgoing_events(service: str) -> None:
    for module in all_modules(service, "messaging"):
        events = {each.name for each in vars(module).values() if isinstance(each, EventType)}
        direction, _, event = stem(module).partition("_")
        # What events share is named for what it is.
        is_message = direction in ("incoming", "outgoing")
        assert events == ({camel_case(event)} if is_message else set()), module


@each_service
@pytest.mark.parametrize("topic", ["coupon-publish-request", "order-completed", "order-cancelled"])
def test_a_topic_is_written_once_and_in_messaging(service: str, topic: str) -> None:
    written = [
        file
        for file in source(service).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value == topic
    ]
    assert len(written) <= 1
    assert all(file.parent.name == "messaging" for file in written)


@each_service
@pytest.mark.parametrize("arguments", [["nonsense"], ["migrate", "--nonsense"]])
def test_wrong_arguments_are_reported_in_one_line(service: str, arguments: list[str]) -> None:
    result = CliRunner().invoke(importlib.import_module(f"{service}_service.cli").main, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"Error: .+\n", result.stderr)


@each_service
def test_processes_are_composed_beside_the_command_line(service: str) -> None:
    root = source(service)
    assert {"api.py", "cli.py", "config.py"} <= {file.name for file in root.glob("*.py")}
    api = importlib.import_module(f"{service}_service.api")
    assert {"create_application", "build_application", "SERVICE"} <= set(vars(api))
    config = own_classes(importlib.import_module(f"{service}_service.config"))
    assert {"ApiSettings", "MigrationSettings"} <= set(config)


@each_service
def test_every_declared_answer_has_an_example(service: str) -> None:
    document = APPLICATIONS[service]().api_doc
    without = [
        (method, template, status)
        for template, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, response in operation["responses"].items()
        for content in response.get("content", {}).values()
        if not (content.get("examples") or content.get("example"))
    ]
    assert without == []


@each_service
def test_every_operation_says_when_to_send_it_again(service: str) -> None:
    for template, methods in APPLICATIONS[service]().api_doc["paths"].items():
        for method, operation in methods.items():
            if "503" in operation["responses"]:
                assert "Retry-After" in operation["responses"]["503"]["headers"], (method, template)


def problems_of(operation: dict[str, Any]) -> set[str]:
    """The last parts of the types of all its examples of problems."""
    return {
        str(example["value"]["type"]).rpartition(":")[2]
        for status, response in operation["responses"].items()
        if status.isdecimal() and int(status) >= 400
        for content in response["content"].values()
        for example in content["examples"].values()
    }


@pytest.mark.parametrize("service", ["coupon", "order"])
def test_each_part_of_a_request_has_an_example_of_its_refusal(service: str) -> None:
    for template, methods in APPLICATIONS[service]().api_doc["paths"].items():
        for method, operation in methods.items():
            expected = {"database-unavailable"}
            places = {parameter["in"] for parameter in operation.get("parameters", ())}
            if method == "post":
                expected |= {"malformed-json", "content-too-large", "unsupported-media-type"}
            if "requestBody" in operation or {"path", "query"} & places:
                expected.add("validation")
            if "header" in places:
                expected |= {"invalid-idempotency-key", "idempotency-key-reused"}
            assert expected <= problems_of(operation), (method, template)
