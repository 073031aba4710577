"""The dump of the former release's database, loaded."""

import pytest

from tests.integration.upgrade.former_database import FormerDatabase, load


@pytest.fixture
def former_database(database_url: str, topic: str) -> FormerDatabase:
    """As it lay on the disk of another cluster: a relay that is to go on with it needs ``rebase`` first."""
    load(database_url, topic)
    return FormerDatabase(database_url)
