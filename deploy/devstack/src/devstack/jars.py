"""Java libraries by Maven coordinates, resolved by jgo without Maven and without a JDK."""

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
from devstack.locking import exclusive_lock, write_whole


class _CarefulResolver(PythonResolver):
    """Leaves no partial file behind: every later run would use it."""

    def download(self, artifact: Artifact) -> Path | None:
        try:
            return super().download(artifact)
        except BaseException:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            raise


def resolve_class_path(coordinates: Sequence[str]) -> list[Path]:
    """Return the jars of these artifacts and of all that they need at run time, downloaded where missing.

    The first artifact decides which versions fit together. The jars stay in the user's local Maven
    repository and their list in a cache, so that only the first call needs the network.
    """
    cache = platformdirs.user_cache_path("devstack") / "class-paths"
    cached = cache / ("+".join(coordinates).replace(":", "_") + ".json")
    with exclusive_lock(cache / "lock"):
        jars = _read_complete(cached)
        if jars is None:
            try:
                jars = _download_all(coordinates)
            except (requests.RequestException, RuntimeError, ParseError) as error:
                raise DevstackError(f"downloading {', '.join(coordinates)} failed: {error}") from error
            write_whole(cached, json.dumps({str(jar): jar.stat().st_size for jar in jars}, indent=1))
    return jars


def _read_complete(cached: Path) -> list[Path] | None:
    """Return the jars of an earlier call if each still exists in its former size."""
    try:
        sizes: dict[str, int] = json.loads(cached.read_text())
        complete = all(Path(jar).stat().st_size == size for jar, size in sizes.items())
    except FileNotFoundError:
        return None
    return [Path(jar) for jar in sizes] if complete else None


@tenacity.retry(
    stop=tenacity.stop_after_attempt(4),
    wait=tenacity.wait_exponential_jitter(initial=1, max=10),
    retry=tenacity.retry_if_exception_type(requests.RequestException),
    reraise=True,
)
def _download_all(coordinates: Sequence[str]) -> list[Path]:
    repository = GlobalSettings.load().repo_cache
    context = MavenContext(resolver=_CarefulResolver(), repo_cache=repository, timeout=30)
    first, *others = coordinates
    # Raw (!): what an artifact says about the versions of its own relatives must not rule those of the first.
    dependencies = [context.create_dependency(name) for name in (first, *(f"{other}!" for other in others))]
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
