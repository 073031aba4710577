"""Every document is one that an API server would take."""

import kubernetes_validate
import pytest

from tests.kubernetes.manifests import Manifests

OLDEST = "1.31"
"""The oldest version that README names."""

# Of kinds that a cluster learns from a CustomResourceDefinition there is no schema here.
UNKNOWN_KINDS = {"development": set[str](), "production": {"ServiceMonitor"}}


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_every_document_is_valid(manifests: Manifests, version: str) -> None:
    unknown = set()
    for document in manifests.documents:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(document["kind"])
    assert len(manifests.documents) > 40
    assert unknown == UNKNOWN_KINDS[manifests.overlay]


def test_every_document_is_in_the_namespace_that_is_made(manifests: Manifests) -> None:
    (namespace,) = manifests.of("Namespace")
    elsewhere = [
        (document["kind"], document["metadata"]["name"])
        for document in manifests.documents
        if document["kind"] != "Namespace" and document["metadata"].get("namespace") != namespace
    ]
    assert elsewhere == []
