"""The tshark that is installed, for tests that need Wireshark's dissector."""

import pytest

from harness.dissect.tshark import Tshark
from harness.errors import DissectorError


@pytest.fixture(scope="session")
def tshark() -> Tshark:
    """The installed tshark; skips where there is none, or one without the Scylla dissector."""
    build = Tshark()
    try:
        _ = build.version
    except DissectorError as error:
        pytest.skip(f"no tshark: {error}")
    return build
