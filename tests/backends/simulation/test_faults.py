import re
from pathlib import Path

import pytest

from harness.backends import simulation
from harness.backends.simulation.faults import FAULTS, VARIABLE, chosen, known
from harness.errors import BackendError


def test_every_fault_acts_somewhere_and_is_listed() -> None:
    folder = Path(simulation.__file__).parent
    asked = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r'has_fault\("(\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert asked == set(FAULTS)


def test_the_environment_names_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen() == ()
    monkeypatch.setenv(VARIABLE, "lose_hint, drop_forward,")
    assert chosen() == ("lose_hint", "drop_forward")


def test_a_fault_that_there_is_not_is_refused() -> None:
    with pytest.raises(BackendError, match=r"no fault is called lose_hints; there are: .*lose_hint, "):
        known(["lose_hint", "lose_hints"])
