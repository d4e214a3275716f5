import pytest

from harness.capture.dumpcap_output import Counters, counters_of, failure_of

# As dumpcap 4.0.17 said it.
REGULAR = """Capturing on 'harness18-0'
File: -
Packets captured: 207
Packets received/dropped on interface 'harness18-0': 207/403 (pcap:403/dumpcap:0/flushed:0/ps_ifdrop:0) (33.9%)
"""
FULL = """Capturing on 'Loopback: lo'
File: -
dumpcap: Not all the packets could be written to the file to which the capture was being saved
("-") because there is no space left on the file system
on which that file resides.
You will need to free up space on that file system or put the capture file on a different file system.
Packets captured: 132
Packets received/dropped on interface 'Loopback: lo': 132/0 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0) (100.0%)
"""


def test_counters_are_those_of_the_last_line() -> None:
    assert counters_of(REGULAR) == Counters(received=207, dropped=403)
    assert counters_of(FULL) == Counters(received=132, dropped=0)


def test_losses_in_dumpcap_and_in_the_interface_count_too() -> None:
    line = "Packets received/dropped on interface 'x': 9/1 (pcap:1/dumpcap:2/flushed:4/ps_ifdrop:8) (1%)"
    assert counters_of(line) == Counters(received=9, dropped=15)


def test_counters_of_several_interfaces_are_added_up() -> None:
    assert counters_of(f"{REGULAR}\n{REGULAR}{FULL}") == Counters(received=546, dropped=806)


def test_a_line_without_its_parts_is_understood() -> None:
    assert counters_of("Packets received/dropped on interface 'x': 9/1 (90.0%)") == Counters(
        received=9, dropped=1
    )


@pytest.mark.parametrize(
    "output", ["", "Capturing on 'x'\nFile: -\n", "received/dropped on interface 'x': /"]
)
def test_no_counters_are_no_counters(output: str) -> None:
    assert counters_of(output) is None


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (FULL, "the disk is full; make room where a.pcapng stands"),
        (
            "Capturing on 'x'\ndumpcap: There is no device named \"x\".\n(No such device exists)\n",
            "there is no interface br0 where dumpcap runs",
        ),
        (
            'dumpcap: You do not have permission to capture on device "lo".\n(socket: Operation not permitted)\n',
            "dumpcap may not capture on br0; run as root, or allow it with: sudo setcap",
        ),
        (
            'dumpcap: The network adapter "br0" is no longer attached; the capture has stopped.\n',
            "the interface br0 has vanished",
        ),
        (
            'dumpcap: Device "br0" is not up.\n(That device is not up)\n',
            "the interface br0 is down; set it up",
        ),
        (
            "dumpcap: Something else.\n",
            "dumpcap on br0 ended with exit code 2; its last words: 'dumpcap: Some",
        ),
        ("Capturing on 'br0'\nFile: -\n", "dumpcap on br0 ended with exit code 2 without a word"),
    ],
)
def test_failures_say_what_happened(output: str, said: str) -> None:
    error = failure_of(output, program="dumpcap", interface="br0", path="a.pcapng", exit_code=2)
    assert str(error).startswith(said)


def test_a_signal_is_told_from_an_exit_code() -> None:
    error = failure_of("", program="dumpcap", interface="br0", path="a.pcapng", exit_code=-9)
    assert str(error) == "dumpcap on br0 was ended by signal 9 without a word"
