from pathlib import Path

import pytest

from harness.backends.docker.options import IMAGE, CaptureBy
from harness.clusters import known_backends
from harness.pytest_options import choice_of

pytest_plugins = ["pytester"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--cluster=dokcer"], "--cluster=dokcer: no cluster is called that; there are: {known}"),
        (
            ["--cluster=replay"],
            "--cluster=replay needs a capture, or a folder of captures: --pcap FILE|FOLDER",
        ),
        (["--pcap=."], "--pcap is for --cluster=replay"),
        (["--keep"], "--keep: simulated nodes end with pytest; harness up starts a cluster that stays"),
        (["--attach"], "--attach is for --cluster=docker"),
        (
            ["--cluster=executable"],
            "--scylla-exe is for --cluster=executable, which needs the path of your scylla: --scylla-exe PATH",
        ),
        (
            ["--scylla-exe=/usr/bin/scylla"],
            "--scylla-exe is for --cluster=executable, which needs the path of your scylla: --scylla-exe PATH",
        ),
        (["--cluster=replay", "--pcap=nowhere"], "--pcap nowhere: there is no such file or folder"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(
    pytester: pytest.Pytester, options: list[str], why: str
) -> None:
    found = pytester.runpytest(*options)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: {why.format(known=', '.join(known_backends()))}"])


def test_containers_are_chosen_with_what_their_nodes_are_told(pytester: pytest.Pytester) -> None:
    options = (
        "--capture-by=nodes",
        "--tablets=on",
        "--scylla-args=--smp 2 --log 'a b'",
        "--scylla-yaml=own.yaml",
    )
    chosen = choice_of(pytester.parseconfig("--cluster=docker", *options), "docker")
    assert chosen.executable is None
    assert (chosen.docker.image, chosen.docker.capture_by) == (IMAGE, CaptureBy.NODES)
    assert (chosen.docker.has_tablets, chosen.docker.attach) == (True, None)
    assert chosen.docker.arguments == ("--smp", "2", "--log", "a b")
    assert chosen.docker.yaml == Path("own.yaml")


def test_executable_in_a_folder_is_found_from_anywhere(pytester: pytest.Pytester) -> None:
    found = []
    for executable in ("scylla", "build/scylla"):
        options = (f"--scylla-exe={executable}", "--exe-prefix=chroot /srv/x env A=1")
        chosen = choice_of(pytester.parseconfig("--cluster=executable", *options), "executable").executable
        assert chosen is not None
        assert chosen.prefix == ("chroot", "/srv/x", "env", "A=1")
        found.append(chosen.executable)
    assert found == [Path("scylla"), pytester.path / "build/scylla"]


def test_help_teaches_the_options(pytester: pytest.Pytester) -> None:
    found = pytester.runpytest("--help")
    found.stdout.fnmatch_lines(
        ["ScyllaDB on the wire:", "*--cluster=BACKEND*", "*--pcap=FILE|FOLDER*", "*--scylla-version=LINE*"]
    )
    found.stdout.fnmatch_lines(
        ["ScyllaDB on the wire: real nodes:", "*--capture-by={auto,bridge,sidecar,nodes}*"]
    )
    found = pytester.runpytest("--markers")
    found.stdout.fnmatch_lines(["@pytest.mark.cluster(capture=NAME, nodes=N,*"])
