"""What both halves of a run share."""

from dataclasses import dataclass

from shop_demo.config import DemoSettings
from shop_demo.databases import ShopDatabases
from shop_demo.http_client import HttpClient
from shop_demo.progress import Narrator
from shop_demo.stack_access import StackAccess
from shop_demo.topics import TopicReader


@dataclass(frozen=True, slots=True)
class RunContext:
    run_id: str
    """New for every run, so that an earlier run's Idempotency-Keys are not met again."""
    settings: DemoSettings
    stack: StackAccess
    client: HttpClient
    databases: ShopDatabases
    topics: TopicReader
    narrator: Narrator
