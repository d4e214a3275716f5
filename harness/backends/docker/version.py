"""The version of Scylla that an image holds."""

from functools import lru_cache

from harness.backends.docker.engine import Engine
from harness.backends.docker.labels import OWNER, owner
from harness.backends.scylla_settings import Release
from harness.errors import BackendError


@lru_cache
def release_of(engine: Engine, image_id: str, name: str) -> Release:
    """Ask the ``scylla`` in an image for its version.

    Args:
        engine: that has it.
        image_id: the image.
        name: what it is called in errors.

    Raises:
        BackendError: there is none, or it says nothing that is a version.
    """
    try:
        code, said = engine.run_once(image_id, ["scylla", "--version"], labels={OWNER: owner()})
    except BackendError as error:
        if "executable file not found" in str(error):
            raise BackendError(f"image {name} has no scylla in it; is --image right?") from error
        raise
    if code != 0:
        raise BackendError(f"scylla --version ends with exit code {code} in image {name}: {said}")
    lines = said.splitlines()
    return Release.of(lines[-1] if lines else "")
