"""A sandbox in this process, and notification-service's way to the providers in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devstack.services import SHOP, with_addresses
from notification_service.alimtalk.providers import create_provider
from notification_service.alimtalk_settings import AlimtalkSettings, ProviderName
from notification_service.domain.alimtalk_message import AlimtalkMessage
from provider_sandbox.config import SandboxSettings
from provider_sandbox.main import serving
from servicekit.kafka.cluster import KafkaCluster
from servicekit.outbound.http_client import create_http_client
from shop_demo.stack_access import StackAccess
from tests.support.notification_builders import a_completed_order, a_message_for


@dataclass(frozen=True)
class AlimtalkSandbox:
    url: str
    settings: AlimtalkSettings
    client: httpx.Client

    @property
    def access(self) -> StackAccess:
        """A stack that is used for nothing but its sandbox."""
        services = {"provider-sandbox": self.url, "notification-api": "http://127.0.0.1:8003"}
        return StackAccess("embedded", "18", "4", KafkaCluster("127.0.0.1:9092"), {}, services)

    def send(self, provider: ProviderName, messages: int = 1) -> list[AlimtalkMessage]:
        sent = [a_message_for(a_completed_order()) for _ in range(messages)]
        for message in sent:
            create_provider(self.settings, self.client, provider).send(message, lambda: True)
        return sent

    def control(self, provider: str, **faults: int | str) -> None:
        httpx.put(f"{self.url}/controls", json={provider: faults}).raise_for_status()

    def faults(self, provider: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/controls").json()[provider]
        return found


@contextmanager
def alimtalk_sandbox(directory: Path) -> Iterator[AlimtalkSandbox]:
    settings = SandboxSettings(http_port=0, sandbox_database_path=directory / "sandbox.sqlite")
    with serving(settings) as port, create_http_client(10, 4) as client:
        url = f"http://127.0.0.1:{port}"
        variables = with_addresses(SHOP.solapi_and_nhn, {"provider_sandbox_url": url})
        known = {name.upper() for name in AlimtalkSettings.model_fields}
        chosen: dict[str, Any] = {name.lower(): variables[name] for name in known & variables.keys()}
        yield AlimtalkSandbox(url, AlimtalkSettings(**chosen), client)
