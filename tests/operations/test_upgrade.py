"""A rolling upgrade, as in deploy/README.md, "Upgrades": expand, roll, and in the next release contract."""

from pathlib import Path

import docker
import pytest

from devstack.compose_project import project_containers, service_of
from devstack.compose_stack import ComposeStack
from tests.support.compose_commands import compose
from tests.support.effects import assert_each_effect_once
from tests.support.external_services import ExternalServices
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.steady_load import SteadyLoad

pytestmark = pytest.mark.timeout(900)
IMAGE = "COUPON_SERVICE_IMAGE"
ROLLED = ("coupon-api", "coupon-worker")
MIGRATION = """
from alembic import op

revision = "{revision}"
down_revision = "{former}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("{statement}")


def downgrade() -> None:
    raise NotImplementedError
"""
DOCKERFILE = """
FROM {base}
COPY --chown=0:0 {revision}.py /opt/venv/lib/{python}/site-packages/coupon_service/migrations/versions/
"""


def release(tag: str, base: str, revision: str, former: str, statement: str, scratch: Path) -> str:
    """An image of the service with one migration more."""
    client = docker.from_env()
    python = client.containers.run(base, ["/opt/venv/lib"], entrypoint="ls", remove=True).decode().strip()
    migration = MIGRATION.format(revision=revision, former=former, statement=statement)
    (scratch / f"{revision}.py").write_text(migration)
    (scratch / "Dockerfile").write_text(DOCKERFILE.format(base=base, revision=revision, python=python))
    client.images.build(path=str(scratch), tag=tag, rm=True)
    return tag


def migrate(stack: ComposeStack, image: str) -> None:
    compose(stack, [], "run", "--rm", "--no-deps", "coupon-migrate", variables={IMAGE: image})


def roll(stack: ComposeStack, image: str) -> None:
    for service in ROLLED:
        compose(
            stack,
            [],
            "up",
            "--detach",
            "--no-deps",
            "--no-build",
            "--wait",
            service,
            variables={IMAGE: image},
        )
    images = {
        service_of(container): container.attrs["Config"]["Image"]
        for container in project_containers(stack.project_name)
        if service_of(container) in ROLLED
    }
    assert images == dict.fromkeys(ROLLED, image)


def columns(databases: StackDatabases) -> list[str]:
    found = databases.rows(
        "coupon", "SELECT column_name FROM information_schema.columns WHERE table_name = 'coupon'"
    )
    return [name for (name,) in found]


def test_expand_go_back_and_contract_under_load_is_not_seen_by_clients(
    stack: ComposeStack,
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    tmp_path: Path,
) -> None:
    (former,) = {
        container.attrs["Config"]["Image"]
        for container in project_containers(stack.project_name)
        if service_of(container) == "coupon-api"
    }
    heads = databases.rows("coupon", "SELECT version_num FROM alembic_version")
    expand, contract = "upgrade_expand", "upgrade_contract"
    add, drop = "ALTER TABLE coupon ADD COLUMN channel text", "ALTER TABLE coupon DROP COLUMN channel"
    second = release("coupon-service:second", former, expand, heads[0][0], add, tmp_path)
    third = release("coupon-service:third", second, contract, expand, drop, tmp_path)
    with SteadyLoad(shop, stock=50) as load:
        migrate(stack, second)
        assert "channel" in columns(databases)
        roll(stack, second)
        # Back to the first, whose migration job comes with every plain `up`.
        migrate(stack, former)
        roll(stack, former)
        assert "channel" in columns(databases)
        # No release ran in between that uses the column, so that the contracting one may follow.
        roll(stack, third)
        migrate(stack, third)
        assert "channel" not in columns(databases)
    load.check()
    assert load.server_errors == []
    assert load.unreachable == []
    assert_each_effect_once(databases, external_services)
