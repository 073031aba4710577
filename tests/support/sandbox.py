"""The provider sandbox as a process of the test's own."""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.command_process import CommandProcess


class Sandbox:
    """A running sandbox, as its clients see it."""

    def __init__(self, directory: Path, name: str = "sandbox", threads: int = 16) -> None:
        """``threads`` is the number of requests that it answers at a time, delayed ones included."""
        environment = {
            "HTTP_PORT": "0",
            "HTTP_THREADS": str(threads),
            "SANDBOX_DATABASE_PATH": str(directory / "sandbox.sqlite"),
        }
        self.process = CommandProcess(["provider-sandbox", "run"], environment, directory / f"{name}.log")

    def __enter__(self) -> Self:
        self.process.start()
        port = self.process.logged("sandbox_started")["port"]
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=40.0, trust_env=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        self.process.kill()

    @property
    def monitoring_url(self) -> str:
        return f"{self.url}/webhooks/monitoring"

    def control(self, **faults: dict[str, Any]) -> None:
        self.client.put("/controls", json=faults).raise_for_status()

    def reset(self) -> None:
        """No faults, no records."""
        self.control(alimtalk={}, monitoring={})
        self.client.delete("/records").raise_for_status()

    def messages(self) -> list[dict[str, Any]]:
        return self._all("/alimtalk/v1/messages", "messages")

    def references(self) -> list[str]:
        """The references of all messages, one for each message."""
        return [message["reference"] for message in self.messages()]

    def webhooks(self) -> list[dict[str, Any]]:
        return self._all("/webhooks/monitoring", "webhooks")

    def sends(self, provider: str) -> Counter[str]:
        """How often the double of ``provider`` sent each reference's message; what is only prepared isn't."""
        sent: Counter[str] = Counter()
        for message in self._all(f"/records/provider-messages?provider={provider}", "messages"):
            sent[message["reference"]] += message["sends"]
        return +sent

    def batches(self, provider: str) -> int:
        """How many calls sent several messages."""
        sizes = Counter(
            message["groupId"]
            for message in self._all(f"/records/provider-messages?provider={provider}", "messages")
            if message["sends"]
        )
        return sum(size > 1 for size in sizes.values())

    def requests(self, after: int) -> tuple[list[dict[str, Any]], int | None]:
        """Up to 100 that the providers' doubles got behind this one, and the next ``after``, if any."""
        url = httpx.URL("/records/provider-requests", params={"after": after, "limit": 100})
        page = self.client.get(url).raise_for_status().json()
        return page["requests"], page["next"]

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            url = httpx.URL(path).copy_merge_params({"after": after, "limit": 1000})
            page = self.client.get(url).raise_for_status().json()
            found += page[name]
            after = page["next"]
        return found
