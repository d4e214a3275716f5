"""Images whose first process is a supervisor that starts the node again, as that of scylladb/scylla is."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.backends.contract import Needs
from harness.backends.docker.engine import Engine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import DockerSite
from harness.backends.live.cluster import LiveCluster
from harness.errors import BackendError

pytestmark = pytest.mark.docker
TAG = "scylla-wire-harness/test-supervised"
SUPERVISOR = """#!/bin/bash
rm -f /run/stopped
while true; do
    /docker-entrypoint.sh "$@" &
    echo $! > /run/scylla.pid
    wait $!
    code=$?
    if [ -e /run/stopped ]; then sleep infinity; fi
    echo "INFO exited: scylla (exit status $code; not expected)"
    sleep 1
done
"""
CONTROL = """#!/bin/bash
pid=$(cat /run/scylla.pid)
case "$1" in
pid) echo 1 ;;
stop) touch /run/stopped; kill -TERM "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done ;;
esac
"""


@pytest.fixture(scope="module")
def supervised(engine: Engine, options: DockerOptions) -> Iterator[DockerOptions]:
    """Containers that go on when the node has ended."""
    files = {
        "Dockerfile": f'FROM {options.image}\nCOPY supervisor /\nCOPY supervisorctl /usr/bin/\nENTRYPOINT ["/supervisor"]\n',
        "supervisor": SUPERVISOR,
        "supervisorctl": CONTROL,
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    context.seek(0)
    engine.client.images.build(fileobj=context, custom_context=True, tag=TAG, rm=True)
    yield replace(options, image=TAG)
    engine.client.images.remove(TAG)


def test_node_that_dies_in_boot_is_seen_though_its_container_goes_on(supervised: DockerOptions) -> None:
    site = DockerSite.create(Needs(nodes=1), replace(supervised, arguments=("--no-such-option", "1")))
    with pytest.raises(BackendError) as caught:
        LiveCluster.start(site, timeout_s=60)
    assert str(caught.value).startswith("n1 has ended with exit code 1; its log ends with:\n")
    assert "startup failed: unrecognised option" in str(caught.value)


def test_node_is_stopped_in_order_through_its_supervisor(supervised: DockerOptions) -> None:
    cluster = LiveCluster.start(DockerSite.create(Needs(nodes=2), supervised))
    try:
        node = cluster.node("n2")
        node.stop()
        log = node.machine.last_words()
        assert "stops" in log
        assert "not expected" not in log
        node.start()
        node.kill()
        node.start()
    finally:
        cluster.close()
