"""Images whose first process is a script that starts supervisord, which starts the node, as that of scylladb/scylla is.

Since 2025.4 all of them are of a user who is not root.

Source:
    Scylla, dist/docker/docker-entrypoint.py, dist/docker/etc/supervisord.conf,
    dist/docker/etc/supervisord.conf.d/scylla-server.conf, dist/common/supervisor/scylla-server.sh,
    dist/docker/redhat/build_docker.sh.
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine
from harness.backends.docker.machine import DockerMachine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import DockerSite
from harness.backends.live.cluster import LiveCluster
from harness.errors import BackendError
from harness.waiting import wait_until

pytestmark = pytest.mark.docker
TAG = "scylla-wire-harness/test-supervised"
FIRST_PROCESS = """\
#!/usr/bin/python3
import shlex, signal, subprocess, sys
supervisor = None
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: supervisor.send_signal(number))
with open("/var/tmp/options", "w") as options:
    options.write(" ".join(sys.argv[1:]))
supervisor = subprocess.Popen(["/usr/bin/supervisord", "-c", "/etc/supervisord.conf"])
supervisor.wait()
"""
SETTINGS = """\
[supervisord]
nodaemon=true
logfile=/dev/stdout
logfile_maxbytes=0
pidfile=/var/tmp/supervisord.pid

[inet_http_server]
port=127.0.0.1:9001

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]

[program:scylla]
command=/scylla-server.sh
stopwaitsecs=%(ENV_STOP_TIME_S)s
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0

[program:another]
command=sh -c "sleep 1d; true"
"""
FILES = {
    "Dockerfile": "FROM {image}\n"
    "COPY supervised.py scylla-server.sh /\n"
    "COPY supervisord.conf /etc/supervisord.conf\n"
    "ENV STOP_TIME_S=900\n"
    "USER scylla\n"
    'ENTRYPOINT ["/supervised.py"]\n',
    "supervised.py": FIRST_PROCESS,
    "scylla-server.sh": "#!/bin/sh\nexec /docker-entrypoint.sh $(cat /var/tmp/options)\n",
    "supervisord.conf": SETTINGS,
}
HASTY = {"Dockerfile": "FROM {image}\nENV STOP_TIME_S=1\n"}


def built(engine: Engine, tag: str, files: dict[str, str], *, image: str) -> str:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in files.items():
            data = (text.format(image=image) if name == "Dockerfile" else text).encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
    context.seek(0)
    engine.client.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    return tag


@pytest.fixture(scope="module")
def supervised(engine: Engine, options: DockerOptions) -> Iterator[DockerOptions]:
    """Containers that go on when the node has ended."""
    yield replace(options, image=built(engine, TAG, FILES, image=options.image))
    engine.client.images.remove(TAG)


@pytest.fixture(scope="module")
def hasty(engine: Engine, supervised: DockerOptions) -> Iterator[DockerOptions]:
    """The same with a second for the node to stop."""
    tag = f"{TAG}-hasty"
    yield replace(supervised, image=built(engine, tag, HASTY, image=supervised.image))
    engine.client.images.remove(tag)


def signal_node(engine: Engine, machine: DockerMachine, name: str) -> None:
    """Send a signal to the node itself."""
    command = ["sh", "-c", f"kill -{name} $(supervisorctl pid scylla)"]
    execution = engine.api.exec_create(machine.container, command)["Id"]
    said = engine.api.exec_start(execution)
    assert engine.api.exec_inspect(execution)["ExitCode"] == 0, said


def test_node_that_dies_in_boot_is_seen_though_its_container_goes_on(supervised: DockerOptions) -> None:
    site = DockerSite.create(Needs(nodes=1), replace(supervised, arguments=("--no-such-option", "1")))
    with pytest.raises(BackendError) as caught:
        LiveCluster.start(site, timeout_s=60)
    what, _, last_words = str(caught.value).partition("\n")
    assert what == "n1 has ended with exit code 1; its log ends with:"
    assert last_words.splitlines()[-1].startswith("  startup failed: unrecognised option")


def test_node_that_a_signal_ends_is_seen_though_it_runs_again(
    engine: Engine, supervised: DockerOptions
) -> None:
    cluster = LiveCluster.start(DockerSite.create(Needs(nodes=1), supervised))
    try:
        machine = cluster.node("n1").machine
        assert isinstance(machine, DockerMachine)
        signal_node(engine, machine, "ABRT")
        assert wait_until(machine.exit_code, timeout_s=30) == -6
        assert wait_until(lambda: machine.log().count(b"serves clients on port 9042") == 2, timeout_s=60)
        # What it has said since then is of another life, which is no reason.
        assert machine.exit_code() == -6
        assert "serves clients on port 9042" in machine.last_words()
        machine.kill()
        machine.start()
        assert machine.exit_code() is None
    finally:
        cluster.close()


def test_node_is_stopped_in_order_through_its_supervisor(supervised: DockerOptions) -> None:
    cluster = LiveCluster.start(DockerSite.create(Needs(nodes=2), supervised))
    try:
        node = cluster.node("n2")
        machine = node.machine
        node.stop()
        assert isinstance(machine, DockerMachine)
        assert b"stopped: scylla (exit status 0)" in machine.log()
        assert b"not expected" not in machine.log()
        node.start()
        node.kill()
        node.start()
    finally:
        cluster.close()


def test_node_that_its_supervisor_has_killed_has_not_stopped(engine: Engine, hasty: DockerOptions) -> None:
    cluster = LiveCluster.start(DockerSite.create(Needs(nodes=1), hasty))
    try:
        machine = cluster.node("n1").machine
        assert isinstance(machine, DockerMachine)
        signal_node(engine, machine, "STOP")
        with pytest.raises(
            BackendError,
            match="n1 did not stop within the time that its supervisor gives it, and was killed; its log",
        ):
            machine.stop()
    finally:
        cluster.close()
