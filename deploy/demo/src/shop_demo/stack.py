"""The stack that the demo runs on: the one that is up already, or one of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from devstack import choose
from devstack.config import read_settings
from devstack.info import StackInfo
from devstack.interruption import interrupted_once, undisturbed
from devstack.kafka_broker import DEFAULT_VERSION
from devstack.stack import Stack
from devstack.stack_directory import StackDirectory
from servicekit.kafka.cluster import KafkaCluster
from shop_demo.config import DemoSettings
from shop_demo.progress import Narrator


@dataclass(frozen=True, slots=True)
class StackAccess:
    """Where everything listens. Nothing here says how it was started."""

    kind: str
    postgresql_version: str
    kafka_version: str
    cluster: KafkaCluster
    database_urls: Mapping[str, str]
    service_urls: Mapping[str, str]

    @classmethod
    def of(cls, info: StackInfo, cluster: KafkaCluster) -> Self:
        return cls(
            kind=info.kind,
            postgresql_version=info.postgresql.version,
            kafka_version=info.kafka.version,
            cluster=cluster,
            database_urls=info.postgresql.databases,
            service_urls={name: it.url for name, it in info.services.items() if it.url is not None},
        )

    @property
    def coupon_api(self) -> str:
        return self.service_urls["coupon-api"]

    @property
    def order_api(self) -> str:
        return self.service_urls["order-api"]

    @property
    def notification_api(self) -> str:
        return self.service_urls["notification-api"]

    @property
    def sandbox(self) -> str:
        return self.service_urls["provider-sandbox"]


def choose_stack(settings: DemoSettings) -> Stack:
    """The stack that was asked for; if none was, the one that runs, else the default one. Starts nothing.

    UsageError if another one runs than the one that was asked for.
    """
    where = read_settings()
    if settings.stack is None and settings.kafka is None and StackDirectory(where.directory).active():
        return choose.present_stack(where)
    if settings.stack == "external":
        stack = choose.external_stack(
            where, settings.external_postgresql_url, settings.external_kafka_bootstrap_servers
        )
    else:
        choose_kind = choose.compose_stack if settings.stack == "compose" else choose.embedded_stack
        stack = choose_kind(where, settings.kafka or DEFAULT_VERSION)
    stack.refuse_beside_another()
    return stack


@contextmanager
def running(stack: Stack, narrator: Narrator, *, keep: bool) -> Iterator[StackAccess]:
    """The stack with nothing missing. At the end one that was found running stays, and so does a kept one.

    If it can't be brought up, devstack itself takes back what it had started.
    """

    def say(message: str) -> None:
        narrator.say(f"  … {message}")

    def one_moment() -> None:
        say("one moment, the stack is being taken down")

    found_running = any(status.pid is not None for status in stack.status())
    narrator.say("Using the stack that is running" if found_running else "Starting a stack")
    ours, info = False, None
    try:
        with interrupted_once(one_moment):
            ours = stack.up(say) and not found_running
        info = stack.info()
        yield StackAccess.of(info, choose.kafka_cluster(read_settings(), info))
    except KeyboardInterrupt:
        keep = False
        raise
    finally:
        if keep and info is not None:
            _print_urls(info, narrator)
        elif ours:
            with undisturbed(one_moment):
                narrator.say("Taking the stack down")
                stack.down(say)


def _print_urls(info: StackInfo, narrator: Narrator) -> None:
    narrator.say("The stack stays up (make down stops it):")
    for name, service in info.services.items():
        if service.url is not None:
            narrator.say(f"  {name:24} {service.url}")
    narrator.say(f"  {'Kafka':24} {info.kafka.bootstrap_servers}")
    for name, url in info.postgresql.databases.items():
        narrator.say(f"  {'PostgreSQL, ' + name:24} {url}")
