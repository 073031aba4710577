"""docker-compose.yml with its defaults filled in, and what the Dockerfile says of each image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from devstack.repository import ROOT

_DEFAULT = re.compile(r"\$\{[A-Z_]+:-((?:[^${}]|\$(?!\{))*)\}")
_ARGUMENT = re.compile(r"\$\{([A-Z]+)\}")
_LISTEN = re.compile(r"^listen (\S+)\n    bind :(\d+)$.*?^    server-template \S+ \S+ \1:(\d+)$", re.M | re.S)


@dataclass(frozen=True)
class Image:
    """What the Dockerfile says of how an image runs that was built with these arguments."""

    dockerfile: str
    arguments: Mapping[str, str]

    def _last(self, instruction: str) -> str:
        line = re.findall(rf"^{instruction} (.+)$", self.dockerfile, flags=re.MULTILINE)[-1]
        return _ARGUMENT.sub(lambda match: self.arguments[match[1]], line)

    @property
    def port(self) -> int:
        return int(self._last("EXPOSE"))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the image itself sets."""
        return dict(variable.split("=", 1) for variable in self._last("ENV").split())

    @property
    def user(self) -> str:
        return self._last("USER")


@dataclass(frozen=True)
class ComposeService:
    """One service, and the image that it or its sibling builds."""

    data: dict[str, Any]
    image: Image

    @property
    def image_name(self) -> str:
        return str(self.data["image"]).removesuffix(":latest")

    @property
    def command(self) -> list[str]:
        return list(self.data["command"])

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.data["environment"])

    @property
    def is_job(self) -> bool:
        return bool(self.data["restart"] == "no")

    @property
    def port(self) -> int:
        """Where its health check asks: a variable's port if the process has one, else its image's."""
        return int(self.environment.get("ADMIN_PORT", self.image.port))

    @property
    def replicas(self) -> int:
        return int(self.data["deploy"].get("replicas", 1))

    @property
    def limits(self) -> dict[str, str]:
        return dict(self.data["deploy"]["resources"]["limits"])

    @property
    def mounts(self) -> set[str]:
        """Where volumes and temporary file systems are seen."""
        return {volume.split(":")[1] for volume in self.data.get("volumes", ())} | set(self.data["tmpfs"])

    @property
    def stop_grace_period_seconds(self) -> int:
        return int(self.data["stop_grace_period"].removesuffix("s"))


class ComposeFile:
    """The services that run an image of this repository."""

    @cached_property
    def _services(self) -> dict[str, dict[str, Any]]:
        data = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        return dict(_filled_in_everywhere(data["services"]))

    @property
    def names(self) -> set[str]:
        """All services, also those that run a third party's image."""
        return set(self._services)

    @cached_property
    def services(self) -> dict[str, ComposeService]:
        images = {
            service["image"]: Image(
                (ROOT / service["build"]["dockerfile"]).read_text(), service["build"]["args"]
            )
            for service in self._services.values()
            if "build" in service
        }
        return {
            name: ComposeService(service, images[service["image"]])
            for name, service in self._services.items()
            if service["image"] in images
        }

    @cached_property
    def balanced_ports(self) -> dict[str, tuple[int, int]]:
        """Of each service behind the load balancer: the port that clients know, and the containers'."""
        text = (ROOT / "deploy" / "load-balancer" / "haproxy.cfg").read_text()
        return {name: (int(bound), int(port)) for name, bound, port in _LISTEN.findall(text)}


def _filled_in_everywhere(data: Any) -> Any:
    match data:
        case dict():
            return {key: _filled_in_everywhere(value) for key, value in data.items()}
        case list():
            return [_filled_in_everywhere(element) for element in data]
        case str():
            return filled_in(data)
        case _:
            return data


def filled_in(text: str) -> str:
    """Replace ``${NAME:-default}``, from the inside out. Any other use of a dollar sign is refused."""
    while (replaced := _DEFAULT.sub(r"\1", text)) != text:
        text = replaced
    if "$" in text:
        raise ValueError(f"not understood: {text[text.index('$') :][:40]!r}")
    return text
