"""The image that stands for ``scylladb/scylla`` in tests: ``python -m tests.backends.docker.image``.

Its base is made from this machine's own Debian mirror, for images cannot be pulled everywhere; with the project's
simulated node as its ``scylla``. What does not change is kept in the engine under tags of its own: the second build
takes seconds. It also has what a capture sidecar needs: dumpcap, Python, iptables; and supervisord, for images whose
first process is that.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import docker
from docker.errors import ImageNotFound

PROJECT = Path(__file__).parents[3]
IMAGE = "scylla-wire-harness/test"
_LABEL = "scylla-wire-harness.image"
_KEPT = PROJECT / ".venv" / "image"
_BASE = "scylla-wire-harness/test-base"
_PACKAGES = ("python3", "wireshark-common", "iptables", "iproute2", "ca-certificates", "supervisor")
# What the node imports; the rest of the project's dependencies is for people who look at it.
_LIBRARIES = ("lz4", "zstandard", "google-crc32c", "cramjam", "lark", "xxhash", "pyyaml", "h11")
_LEFT_OUT = ("./proc/*", "./sys/*", "./dev/*", "./var/cache/*", "./var/lib/apt/lists/*", "./usr/share/doc/*",
             "./usr/share/locale/*", "./usr/share/man/*")  # fmt: skip
_DOCKERFILE = """\
FROM {base}
COPY libraries /opt/libraries
RUN python3 -m compileall -q /opt/libraries
COPY etc /etc
COPY bin /usr/bin
COPY docker-entrypoint.sh /
ENV PYTHONPATH=/opt/libraries:/opt/project PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --home-dir /var/lib/scylla --create-home scylla && chown -R scylla: /etc/scylla
ENTRYPOINT ["/docker-entrypoint.sh"]
EXPOSE 7000 9042 10000
VOLUME /var/lib/scylla
COPY project /opt/project
RUN python3 -m compileall -q /opt/project
"""
_SCYLLA = '#!/bin/sh\nexec python3 -m harness.backends.simulation.scylla_program "$@"\n'
# As the official one: it has options of its own, makes Scylla's of them, and passes on what it does not know.
_ENTRY_POINT = """\
#!/bin/sh
address=$(hostname -i)
clients= seeds= others=
overprovisioned=--overprovisioned
while [ $# -gt 0 ]; do
    word=$1
    shift
    case "$word" in
    --listen-address|--rpc-address|--seeds|--overprovisioned)
        if [ $# -eq 0 ]; then
            echo "error: argument $word: expected one argument" >&2
            exit 2
        fi
        word=$word=$1
        shift ;;
    esac
    case "$word" in
    --listen-address=*) address=${word#*=} ;;
    --rpc-address=*) clients=${word#*=} ;;
    --seeds=*) seeds=${word#*=} ;;
    --overprovisioned=1) ;;
    --overprovisioned=0) overprovisioned= ;;
    --overprovisioned=*)
        echo "error: argument --overprovisioned: invalid choice: ${word#*=} (choose from 0, 1)" >&2
        exit 2 ;;
    *) others="$others $word" ;;
    esac
done
exec /usr/bin/scylla $overprovisioned --listen-address "$address" \\
    --rpc-address "${clients:-$address}" --seed-provider-parameters "seeds=${seeds:-$address}" $others
"""
_YAML = """\
cluster_name: ''
num_tokens: 16
commitlog_sync: periodic
commitlog_sync_period_in_ms: 10000
seed_provider:
    - class_name: org.apache.cassandra.locator.SimpleSeedProvider
      parameters:
          - seeds: "127.0.0.1"
listen_address: localhost
endpoint_snitch: SimpleSnitch
rpc_address: localhost
api_address: 127.0.0.1
"""


def build() -> str:
    """Build what is missing; return the image's name.

    Raises:
        docker.errors.DockerException: the engine refuses.
        subprocess.CalledProcessError: Debian's or Python's packages cannot be had.
    """
    client = docker.from_env()
    _KEPT.mkdir(parents=True, exist_ok=True)
    try:
        with (_KEPT / "lock").open("w") as lock:
            # Other processes of the same test run want the same image.
            fcntl.flock(lock, fcntl.LOCK_EX)
            base = _base(client)
            digest = _digest(base)
            old = _label_of(client)
            if old.get(_LABEL) != digest:
                with tempfile.TemporaryDirectory(prefix="wire-image-") as folder:
                    _fill(Path(folder), _libraries(_python_of(client, base)), base)
                    client.images.build(
                        path=folder, tag=IMAGE, rm=True, forcerm=True, labels={_LABEL: digest}
                    )
                client.images.prune({"label": _LABEL, "dangling": True})
    finally:
        client.close()
    return IMAGE


def has_base() -> bool:
    """Whether the base need not be made any more."""
    client = docker.from_env()
    try:
        return bool(client.images.list(_BASE))
    finally:
        client.close()


def _digest(base: str) -> str:
    """Of all that is in the image."""
    digest = hashlib.sha256(repr((base, _DOCKERFILE, _SCYLLA, _ENTRY_POINT, _YAML)).encode())
    digest.update((PROJECT / "pyproject.toml").read_bytes())
    for path in sorted((PROJECT / "harness").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(PROJECT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _label_of(client: docker.DockerClient) -> dict[str, str]:
    try:
        return dict(client.images.get(IMAGE).labels or {})
    except ImageNotFound:
        return {}


def _base(client: docker.DockerClient) -> str:
    mirror, suite, components = _own_mirror()
    digest = hashlib.sha256(repr((_PACKAGES, _LEFT_OUT)).encode()).hexdigest()[:8]
    name = f"{_BASE}:{suite}-{digest}"
    try:
        client.images.get(name)
    except ImageNotFound:
        _say(f"making {name} from {mirror}; this takes a minute or two, once")
        with tempfile.TemporaryDirectory(prefix="wire-base-") as folder:
            root = Path(folder, "root")
            include = f"--include={','.join(_PACKAGES)}"
            command = [
                "debootstrap",
                "--variant=minbase",
                f"--components={components}",
                include,
                suite,
                str(root),
                mirror,
            ]
            subprocess.run(
                command,
                check=True,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
            archive = Path(folder, "root.tar")
            excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
            subprocess.run(["tar", "-C", str(root), *excluded, "-cf", str(archive), "."], check=True)
            repository, _, tag = name.partition(":")
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return name


def _own_mirror() -> tuple[str, str, str]:
    """Address, suite and components of this machine's distribution."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    suite = release["VERSION_CODENAME"].strip('"')
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(COMPONENT)", "Created-By: Packages"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    rows = [line.split("|") for line in told.splitlines()]
    matching = [(uri, component) for uri, codename, component in rows if codename == suite]
    uri = matching[0][0]
    return uri, suite, ",".join(dict.fromkeys(component for other, component in matching if other == uri))


def _python_of(client: docker.DockerClient, base: str) -> str:
    told = client.containers.run(
        base, ["python3", "-c", "import sys; print(*sys.version_info[:2], sep='.')"], remove=True
    )
    return str(told.decode().strip())


def _libraries(python: str) -> Path:
    """The folder with Python's packages for a version; made once."""
    told = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = [text for text in told if re.split(r"[<>=;]", text)[0] in _LIBRARIES]
    digest = hashlib.sha256(repr((python, wanted)).encode()).hexdigest()[:12]
    folder = _KEPT / digest
    if not folder.is_dir():
        _say(f"fetching {len(wanted)} Python packages")
        half_done = folder.with_name(f"{folder.name}.{os.getpid()}")
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(half_done), "--only-binary=:all:",
             "--implementation", "cp", "--python-version", python, "--platform", f"manylinux2014_{platform.machine()}",
             "--platform", f"manylinux_2_28_{platform.machine()}", *wanted],
            check=True,
        )  # fmt: skip
        try:
            half_done.rename(folder)
        except OSError:
            # Somebody else was faster.
            shutil.rmtree(half_done)
    return folder


def _fill(context: Path, libraries: Path, base: str) -> None:
    (context / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    shutil.copytree(libraries, context / "libraries", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        PROJECT / "harness", context / "project" / "harness", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, text in (
        ("bin/scylla", _SCYLLA),
        ("docker-entrypoint.sh", _ENTRY_POINT),
        ("etc/scylla/scylla.yaml", _YAML),
    ):
        target = context / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)


def _say(text: str) -> None:
    sys.stderr.write(f"image: {text}\n")


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
