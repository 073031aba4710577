"""What every container of the stack must be, and that its data outlive it."""

import json
import re
import tarfile
from collections.abc import Iterator
from importlib.metadata import version
from tempfile import TemporaryFile
from typing import IO

import docker
import psutil
from docker.models.containers import Container
from docker.models.images import Image

from devstack.compose_project import project_containers, service_of
from devstack.compose_stack import ComposeStack
from devstack.repository import ROOT
from tests.support.compose_commands import compose
from tests.support.shop import ShopClient

SERVERS = {"postgresql", "kafka", "zookeeper"}
OURS = (
    "coupon-api", "coupon-watch", "coupon-worker", "order-api", "order-worker", "notification-api",
    "notification-consumer", "outbox-relay", "provider-sandbox",
)  # fmt: skip
OWN_PACKAGES = {"servicekit", "provider-sandbox", "outbox-relay"}
LABEL = "org.opencontainers.image"
SECRET = re.compile(r"passw|secret|token|credential", re.IGNORECASE)
SECRET_FILE = re.compile(
    r"(^|/)(\.env[^/]*|\.netrc|\.pgpass|pip\.conf|id_[a-z0-9]+|[^/]+\.(key|p12|pfx|jks))$"
)
INSTALLED = """
import importlib.metadata, importlib.util, json
versions = {each.name: each.version for each in importlib.metadata.distributions()}
print(json.dumps({"versions": versions, "pip": importlib.util.find_spec("pip") is not None}))
"""


def one_of_each(stack: ComposeStack) -> dict[str, Container]:
    """A container of each process of ours, by the process's name."""
    containers = {service_of(container): container for container in project_containers(stack.project_name)}
    return {name: containers[name] for name in OURS}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_container_is_healthy_and_none_is_root(stack: ComposeStack) -> None:
    statuses = stack.status()
    assert len(statuses) >= 14
    assert {status.name: status.state for status in statuses if status.state != "ready"} == {}
    users = {status.name: psutil.Process(status.pid).uids() for status in statuses if status.pid is not None}
    assert len(users) == len(statuses)
    assert [name for name, uids in users.items() if 0 in uids] == []
    jobs = [
        container
        for container in project_containers(stack.project_name)
        if container.attrs["State"]["Pid"] == 0
    ]
    assert len(jobs) == 5
    assert [
        container.name
        for container in jobs
        if container.attrs["Config"]["User"].split(":")[0] in {"", "0", "root"}
    ] == []


def test_every_process_of_ours_is_confined(stack: ComposeStack) -> None:
    containers = [
        container
        for container in project_containers(stack.project_name)
        if service_of(container) not in SERVERS
    ]
    for container in containers:
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"], container.name
        assert host["CapDrop"] == ["ALL"], container.name
        assert "no-new-privileges:true" in host["SecurityOpt"], container.name
        assert host["Memory"] > 0, container.name


def files_of_layers(image: Image) -> Iterator[tuple[str, bytes]]:
    """Yield each file of each layer, also those that a later layer hides: its path, and its first bytes."""
    with TemporaryFile() as saved:
        saved.writelines(image.save())
        saved.seek(0)
        with tarfile.open(fileobj=saved) as whole:
            manifest = whole.extractfile("manifest.json")
            assert manifest is not None
            for layer in json.load(manifest)[0]["Layers"]:
                yield from _files(whole.extractfile(layer))


def _files(layer: IO[bytes] | None) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=layer) as files:
        for member in files:
            if member.isfile() and (content := files.extractfile(member)):
                yield member.name, content.read(100)


def test_images_say_what_they_are(stack: ComposeStack) -> None:
    """As they are built for an upgrade: with a tag and a revision of their own."""
    names = {"COUPON_SERVICE", "ORDER_SERVICE", "NOTIFICATION_SERVICE", "OUTBOX_RELAY", "PROVIDER_SANDBOX"}
    tags = {f"{name}_IMAGE": f"{name.lower().replace('_', '-')}:labelled" for name in names}
    release = version("outbox-relay")
    build = ("build", "--build-arg", f"VERSION={release}")
    compose(stack, [], *build, variables={**tags, "REVISION": "0123abc"})
    for tag in tags.values():
        labels = docker.from_env().images.get(tag).labels
        assert labels[f"{LABEL}.title"] == tag.removesuffix(":labelled")
        assert labels[f"{LABEL}.version"] == release == version(tag.removesuffix(":labelled"))
        assert labels[f"{LABEL}.revision"] == "0123abc", tag


def test_images_hold_no_secret(stack: ComposeStack) -> None:
    """Neither in the build arguments and variables of an image, nor in a file of any layer."""
    images = [container.image for container in one_of_each(stack).values() if container.image]
    for image in {image.id: image for image in images}.values():
        metadata = json.dumps([image.history(), image.attrs["Config"]["Env"]])
        assert SECRET.search(metadata) is None, image.tags
        files = list(files_of_layers(image))
        assert len(files) > 1000, image.tags
        secret = [
            path
            for path, begin in files
            if SECRET_FILE.search(path) or re.search(rb"BEGIN [A-Z ]*PRIVATE KEY", begin)
        ]
        assert secret == [], image.tags


def test_images_hold_what_constraints_name_and_no_installer(stack: ComposeStack) -> None:
    lines = (ROOT / "constraints.txt").read_text().split()
    pinned = {normalized(name): version for name, _, version in (line.partition("==") for line in lines)}
    for name, container in one_of_each(stack).items():
        output = container.exec_run(["python", "-c", INSTALLED]).output
        assert isinstance(output, bytes)
        report = json.loads(output)
        versions = {normalized(package): version for package, version in report["versions"].items()}
        foreign = {
            package
            for package in versions
            if package not in OWN_PACKAGES and not package.endswith("-service")
        }
        assert len(foreign) > 20, name
        assert {package: versions[package] for package in foreign} == {
            package: pinned.get(package) for package in foreign
        }, name
        assert not report["pip"], name


def test_ports_are_published_on_the_loopback_address_only(stack: ComposeStack) -> None:
    published = [
        binding["HostIp"]
        for container in project_containers(stack.project_name)
        for bindings in container.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    assert set(published) == {"127.0.0.1"}


def test_what_was_stored_is_there_after_down_and_up(stack: ComposeStack, shop: ShopClient) -> None:
    coupon_id = shop.create_coupon(totalQuantity=1)
    assert shop.decided(shop.press(1, coupon_id))["status"] == "ISSUED"
    # Containers, with whatever they hold beside the volumes, are gone after this.
    compose(stack, [], "down")
    assert project_containers(stack.project_name) == []
    assert stack.up()
    # On other ports, if another tier of the same run had started the stack.
    again = ShopClient(stack.info())
    coupon = again.get("coupon-api", f"/api/v1/coupons/{coupon_id}").json()
    assert (coupon["issuedQuantity"], coupon["status"]) == (1, "SOLD_OUT")
    assert again.refusal(2, coupon_id) == "SOLD_OUT"
    again.close()
