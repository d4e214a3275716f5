"""The version of Scylla that an image holds."""

from functools import lru_cache

import requests
from docker.errors import ContainerError, DockerException

from harness.backends.docker.engine import Engine
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
    with engine.refusing(f"image {name} does not say which version it holds"):
        try:
            said = engine.client.containers.run(
                image_id,
                ["--version"],
                entrypoint="scylla",
                remove=True,
                network_mode="none",
                stdout=True,
                stderr=True,
            )
        except ContainerError as error:
            words = error.stderr.decode(errors="replace").strip() if error.stderr else str(error)
            raise BackendError(f"scylla --version fails in image {name}: {words}") from error
        except (DockerException, requests.RequestException) as error:
            if "executable file not found" in str(error):
                raise BackendError(f"image {name} has no scylla in it; is --image right?") from error
            raise
    lines = said.decode(errors="replace").strip().splitlines()
    return Release.of(lines[-1] if lines else "")
