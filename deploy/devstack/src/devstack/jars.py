"""Java libraries by Maven coordinates, resolved by jgo in pure Python: neither Maven nor a JDK is needed."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import ParseError

import platformdirs
import requests
import tenacity
from jgo.config import GlobalSettings
from jgo.maven import Artifact, MavenContext, PythonResolver

from devstack.errors import DevstackError
from devstack.locking import exclusive_lock

_ATTEMPTS = 4
_TIMEOUT_SECONDS = 30


class _CarefulResolver(PythonResolver):
    """Leaves no partial file behind, which every later run would take for a whole one."""

    def download(self, artifact: Artifact) -> Path | None:
        try:
            return super().download(artifact)
        except BaseException:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            raise


def resolve_class_path(coordinates: Sequence[str]) -> list[Path]:
    """Return the jars of these artifacts and of all that they need at run time, downloaded where missing.

    The first artifact decides which versions fit together. The jars are kept in the user's local Maven
    repository. Which ones belong together is remembered, so that only the first call for some coordinates
    asks the network for anything.
    """
    cache = platformdirs.user_cache_path("devstack") / "class-paths"
    remembered = cache / ("+".join(coordinates).replace(":", "_") + ".json")
    with exclusive_lock(cache / "lock"):
        jars = _read_complete(remembered)
        if jars is None:
            jars = _resolve(coordinates)
            sizes = {str(jar): jar.stat().st_size for jar in jars}
            new = remembered.with_suffix(".new")
            new.write_text(json.dumps(sizes, indent=1))
            new.replace(remembered)
    return jars


def _read_complete(remembered: Path) -> list[Path] | None:
    """Return the remembered jars if every one of them is still there, as large as it was."""
    try:
        sizes: dict[str, int] = json.loads(remembered.read_text())
        complete = all(Path(jar).stat().st_size == size for jar, size in sizes.items())
    except FileNotFoundError:
        return None
    return [Path(jar) for jar in sizes] if complete else None


@tenacity.retry(
    stop=tenacity.stop_after_attempt(_ATTEMPTS),
    wait=tenacity.wait_exponential_jitter(initial=1, max=10),
    retry=tenacity.retry_if_exception_type(requests.RequestException),
    reraise=True,
)
def _download_all(coordinates: Sequence[str]) -> list[Path]:
    repository = GlobalSettings.load().repo_cache
    context = MavenContext(resolver=_CarefulResolver(), repo_cache=repository, timeout=_TIMEOUT_SECONDS)
    first, *others = coordinates
    # Raw: what an artifact says about the versions of its own relatives must not rule those of the first one.
    dependencies = [context.create_dependency(it) for it in (first, *(f"{other}!" for other in others))]
    inputs, transitive = context.resolver.resolve(dependencies)
    needed = [*inputs, *(found for found in transitive if found.scope in ("compile", "runtime"))]
    jars = []
    for artifact in (dependency.artifact for dependency in needed):
        jar = artifact.resolve()
        if not zipfile.is_zipfile(jar):
            # Left by a download that was killed.
            jar.unlink()
            jar = artifact.resolve()
        jars.append(jar)
    return jars


def _resolve(coordinates: Sequence[str]) -> list[Path]:
    try:
        return _download_all(coordinates)
    except (requests.RequestException, RuntimeError, ParseError) as error:
        message = f"the jars of {', '.join(coordinates)} can't be had: {error}"
        raise DevstackError(message) from error
