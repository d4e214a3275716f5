"""Files of containers that need not run."""

import io
import tarfile

import requests
from docker.errors import APIError

from harness.backends.docker.engine import Engine


def read_file(engine: Engine, container: str, path: str) -> str:
    """Read a text file of a container; empty if there is none.

    Raises:
        BackendError: the engine refuses.
    """
    with engine.refusing(f"{path} cannot be read"):
        try:
            chunks, _ = engine.api.get_archive(container, path)
        except APIError as error:
            if error.status_code == requests.codes.not_found:
                return ""
            raise
        data = b"".join(chunks)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                return file.read().decode()
    return ""
