"""kafka-python's internals are used, so only the tested release will do."""

import re
import tomllib

import pytest

from devstack.repository import ROOT
from servicekit.kafka import TESTED_RELEASE, check_release


@pytest.mark.parametrize("installed", ["3.0.11", "3.0.13", "2.3.3"])
def test_another_release_is_refused_with_what_to_run(installed: str) -> None:
    with pytest.raises(ImportError, match=re.escape(f"pip install kafka-python=={TESTED_RELEASE}")) as error:
        check_release(installed)
    assert f"kafka-python {installed} is installed" in str(error.value)


def test_the_tested_release_is_the_one_that_is_required_and_pinned() -> None:
    extras = tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert extras["kafka"] == [f"kafka-python[crc32c,lz4,snappy,zstd]=={TESTED_RELEASE}"]
    assert f"\nkafka-python=={TESTED_RELEASE}\n" in (ROOT / "constraints.txt").read_text()
