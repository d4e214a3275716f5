"""Finding and running tshark: what users see when it is missing, too old, broken, or given a bad file."""

from pathlib import Path

import pytest

from harness.dissect.tshark import Tshark, UnknownFieldsError, decode_as, display_filter, private_settings
from harness.errors import CaptureError, DissectorError
from tests.dissect.written_capture import OFFER, WrittenCapture


def program(folder: Path, text: str, *, mode: int = 0o755) -> str:
    path = folder / "tshark"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return str(path)


def test_a_missing_tshark_is_an_error_that_says_how_to_install_it() -> None:
    with pytest.raises(DissectorError, match=r"was not found in PATH; install it .*apt-get install tshark"):
        _ = Tshark("no-such-tshark").version


def test_a_missing_path_is_named() -> None:
    with pytest.raises(DissectorError, match="/no/such/tshark was not found at that path"):
        _ = Tshark("/no/such/tshark").version


def test_a_file_that_may_not_be_executed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DissectorError, match="is not executable"):
        _ = Tshark(program(tmp_path, "exit 0", mode=0o644)).version


def test_another_program_is_no_tshark(tmp_path: Path) -> None:
    with pytest.raises(DissectorError, match="is no tshark: it says 'hello'"):
        _ = Tshark(program(tmp_path, "echo hello")).version


def test_a_release_without_the_scylla_dissector_is_too_old(tmp_path: Path) -> None:
    old = program(tmp_path, "echo 'TShark (Wireshark) 3.2.18 (Git v3.2.18)'")
    with pytest.raises(
        DissectorError, match=r"is 3\.2\.18, which knows no Scylla protocol: 3\.4 is the first"
    ):
        _ = Tshark(old).version


@pytest.mark.parametrize(
    ("first_line", "version"),
    [
        ("TShark (Wireshark) 3.4.0 (Git v3.4.0)", "3.4.0"),
        ("TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged as 4.0.17-0+deb12u3).", "4.0.17"),
        ("TShark (Wireshark) 4.4.2.", "4.4.2"),
        ("TShark (Wireshark) 4.5.0rc0-1 (v4.5.0rc0).", "4.5.0rc0-1"),
    ],
)
def test_the_version_is_what_it_says(tmp_path: Path, first_line: str, version: str) -> None:
    assert Tshark(program(tmp_path, f"echo '{first_line}'; echo")).version == version


def test_a_tshark_built_without_scylla_says_so(tmp_path: Path) -> None:
    text = "echo 'tshark: Unknown protocol -- \"scylla\"' >&2; echo 'tshark: Valid protocols are: tcp' >&2; exit 1"
    run = Tshark(program(tmp_path, text)).lines(WrittenCapture().write(tmp_path), ())
    with pytest.raises(DissectorError, match="knows no protocol scylla; install it"):
        list(run)


def test_fields_that_a_release_lacks_are_named(tmp_path: Path) -> None:
    text = 'printf "tshark: Some fields aren\'t valid:\\n\\tscylla.negotiation.magic\\n" >&2; exit 1'
    run = Tshark(program(tmp_path, text)).lines(WrittenCapture().write(tmp_path), ())
    with pytest.raises(UnknownFieldsError) as caught:
        list(run)
    assert caught.value.fields == ("scylla.negotiation.magic",)


def test_a_capture_cut_in_a_packet_gives_its_lines_and_says_so(tmp_path: Path) -> None:
    text = (
        'echo one; echo \'Running as user "root" and group "root". This could be dangerous.\' >&2\n'
        "echo 'tshark: The file \"x\" appears to have been cut short in the middle of a packet.' >&2; exit 2"
    )
    run = Tshark(program(tmp_path, text)).lines(WrittenCapture().write(tmp_path), ())
    assert list(run) == ["one"]
    assert "cut short" in run.truncated
    assert "root" not in run.truncated


def test_a_failure_is_told_in_tsharks_words_but_not_that_it_runs_as_root(tmp_path: Path) -> None:
    text = "echo 'Running as user \"root\" and group \"root\".' >&2; echo 'tshark: disk on fire' >&2; exit 3"
    with pytest.raises(CaptureError, match=r"tshark cannot read .*written\.pcap: tshark: disk on fire$"):
        list(Tshark(program(tmp_path, text)).lines(WrittenCapture().write(tmp_path), ()))


def test_a_reader_that_stops_early_stops_tshark(tmp_path: Path) -> None:
    run = iter(
        Tshark(program(tmp_path, "echo one; exec sleep 1000")).lines(WrittenCapture().write(tmp_path), ())
    )
    assert next(run) == "one"
    run.close()  # type: ignore[attr-defined]  # a generator, declared as an iterator


def test_settings_of_the_user_take_no_part(tmp_path: Path) -> None:
    seen = program(tmp_path, 'echo "$WIRESHARK_CONFIG_DIR $HOME"; ls -A "$WIRESHARK_CONFIG_DIR"')
    (line,) = Tshark(seen).lines(WrittenCapture().write(tmp_path), ())
    config, home = line.split()
    assert config == home
    assert not Path(config).exists()


def test_private_settings_leave_nothing_behind() -> None:
    with private_settings() as environment:
        folder = Path(environment["WIRESHARK_CONFIG_DIR"])
        assert folder.is_dir()
    assert not folder.exists()


def test_ports_are_decoded_without_configuration() -> None:
    arguments = decode_as([7000], [9042])
    assert "tcp.port==7000,scylla" in arguments
    assert "tcp.port==9042,cql" in arguments
    assert display_filter([7000, 9042]).startswith("(tcp.port == 7000 or tcp.port == 9042) and")


@pytest.mark.tshark
def test_what_is_no_capture_is_an_error(tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear Sir or Madam, " * 20)
    with pytest.raises(CaptureError, match="isn't a capture file"):
        list(tshark.lines(path, ()))


def test_a_capture_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="is no file"):
        list(Tshark().lines(tmp_path / "none.pcapng", ()))


@pytest.mark.tshark
def test_the_installed_tshark_reads_what_is_written(tmp_path: Path, tshark: Tshark) -> None:
    path = WrittenCapture().up(OFFER).write(tmp_path)
    run = tshark.lines(path, [*decode_as([7000], [9042]), "-T", "fields", "-e", "scylla.negotiation.size"])
    assert list(run) == ["", "", "8"]
