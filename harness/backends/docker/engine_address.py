"""Where the engine is, as the environment says it, and with which certificates one talks to it.

``DOCKER_HOST`` wins, then the context (``DOCKER_CONTEXT``, or the one that ``docker context use`` chose), as with
the command line. Read here and not by the SDK, which finds no contexts where there is no ``config.json`` beside them.

Source:
    Docker documentation, "Docker contexts", "Environment variables", "Protect the Docker daemon socket"; docker/cli,
    cli/context/store (metadatastore.go, tlsstore.go).
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import BackendError

DEFAULT = "unix:///var/run/docker.sock"
HOST = "DOCKER_HOST"
CONTEXT = "DOCKER_CONTEXT"
_VERIFY = "DOCKER_TLS_VERIFY"
_CERTIFICATES = "DOCKER_CERT_PATH"
_CONFIGURATION = "DOCKER_CONFIG"
_DEFAULT_CONTEXT = "default"
_OWN_SOCKETS = ("unix://", "http+unix://", "npipe://")
_BY_TLS = ("tcp://", "https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """A folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, of which some may be missing."""

    folder: Path
    is_verified: bool = True
    """Whether the engine has to have a certificate of ``ca.pem``."""

    @property
    def authority(self) -> Path | None:
        """Whose word on the engine counts; None: whose word counts for everybody."""
        return self._file("ca.pem")

    @property
    def certificate(self) -> Path | None:
        """Who we are; None: the engine is not told."""
        return self._file("cert.pem")

    @property
    def key(self) -> Path | None:
        """Of ``certificate``; None: it stands in the same file."""
        return self._file("key.pem")

    def _file(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.exists() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAddress:
    """Of one engine."""

    url: str
    certificates: Certificates | None = None
    """None: no TLS."""
    told_by: str = ""
    """Who named it, for errors; empty: nobody, it is the usual one."""

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it is reached through a socket of this machine; it may be in a virtual machine all the same."""
        return self.url.startswith(_OWN_SOCKETS)


def address_of_engine() -> EngineAddress:
    """The one that the environment names.

    Raises:
        BackendError: there is no such context, or it cannot be read.
    """
    host = os.environ.get(HOST)
    if host:
        url = host if "://" in host else f"tcp://{host}"
        return EngineAddress(url=url, certificates=_of_environment(url), told_by=HOST)
    name = os.environ.get(CONTEXT) or _current_context()
    if name == _DEFAULT_CONTEXT:
        return EngineAddress(url=DEFAULT)
    return _of_context(name)


def is_engine_named() -> bool:
    """Whether the environment names an engine: by ``DOCKER_HOST``, or a context.

    Raises:
        BackendError: there is no such context.
    """
    return bool(address_of_engine().told_by)


def _of_environment(url: str) -> Certificates | None:
    folder, verify = os.environ.get(_CERTIFICATES), os.environ.get(_VERIFY)
    if not url.startswith(_BY_TLS) or not (folder or verify or url.startswith("https://")):
        return None
    certificates = Certificates(folder=Path(folder) if folder else _folder(), is_verified=bool(verify))
    if certificates.is_verified and certificates.authority is None:
        raise BackendError(
            f"the engine at {url} is to be reached by TLS, but there is no ca.pem in {certificates.folder}: set "
            f"{_CERTIFICATES} to the folder with ca.pem, cert.pem and key.pem, or {_VERIFY} to nothing for none"
        )
    return certificates


def _of_context(name: str) -> EngineAddress:
    identity = hashlib.sha256(name.encode()).hexdigest()
    contexts = _folder() / "contexts"
    path = contexts / "meta" / identity / "meta.json"
    try:
        told: dict[str, Any] = json.loads(path.read_text())["Endpoints"]["docker"]
    except FileNotFoundError as error:
        raise BackendError(
            f"there is no Docker context {name} in {_folder()}; docker context ls shows those that there are"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(f"the Docker context {name} cannot be read from {path}: {error}") from error
    url = str(told.get("Host") or DEFAULT)
    skips = bool(told.get("SkipTLSVerify", False))
    certificates = Certificates(folder=contexts / "tls" / identity / "docker", is_verified=not skips)
    has_any = certificates.authority or certificates.certificate or skips or url.startswith("https://")
    return EngineAddress(
        url=url,
        certificates=certificates if has_any and url.startswith(_BY_TLS) else None,
        told_by=f"the Docker context {name}",
    )


def _current_context() -> str:
    try:
        told = json.loads((_folder() / "config.json").read_text())
        return str(told.get("currentContext") or _DEFAULT_CONTEXT)
    except (OSError, ValueError, AttributeError):
        return _DEFAULT_CONTEXT


def _folder() -> Path:
    told = os.environ.get(_CONFIGURATION)
    return Path(told) if told else Path.home() / ".docker"
