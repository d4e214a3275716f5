"""pyshark's packets, for those who want Wireshark's layers."""

import os
from pathlib import Path

import pytest

from harness.dissect.pyshark_reader import PysharkReader
from harness.dissect.tshark import Tshark
from tests.dissect.written_capture import ANSWER, OFFER, WrittenCapture, request


def reader(capture: Path, tshark: Tshark) -> PysharkReader:
    return PysharkReader(capture, tshark=tshark, rpc_ports=(7000,), cql_ports=(9042,))


@pytest.mark.tshark
def test_every_message_of_a_segment_is_a_layer(tmp_path: Path, tshark: Tshark) -> None:
    path = (
        WrittenCapture().up(OFFER).down(ANSWER).up(*(request(2, number, "77" * 32) for number in (1, 2, 3)))
    )
    *_, last = reader(path.write(tmp_path), tshark).packets()
    layers = [layer for layer in last.layers if layer.layer_name == "scylla"]
    assert [str(layer.msg_id) for layer in layers] == ["1", "2", "3"]
    assert layers[1].get_field("scylla.verb").showname == "verb: MUTATION_DONE (2)"
    assert [layer.get_field("scylla.verb").pos for layer in layers] == ["62", "122", "182"]


@pytest.mark.tshark
def test_a_profile_of_the_user_does_not_matter(
    tmp_path: Path, tshark: Tshark, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "wireshark"
    folder.mkdir()
    (folder / "disabled_protos").write_text("scylla\n")
    (folder / "preferences").write_text("tcp.desegment_tcp_streams: FALSE\n")
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(folder))
    path = WrittenCapture().up(OFFER).write(tmp_path)
    assert [len(packet.pdus) for packet in reader(path, tshark)] == [0, 0, 1]
    assert os.environ["WIRESHARK_CONFIG_DIR"] == str(folder)


@pytest.mark.tshark
def test_a_reader_that_stops_early_leaves_nothing_running(tmp_path: Path, tshark: Tshark) -> None:
    path = WrittenCapture().up(OFFER).down(ANSWER).write(tmp_path)
    packets = reader(path, tshark).packets()
    assert next(packets).number == "1"
    packets.close()  # type: ignore[attr-defined]  # a generator, declared as an iterator
