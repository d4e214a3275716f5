from pathlib import Path

import pytest

from harness.backends.simulation.node_config import NodeConfig
from harness.errors import BackendError


def config(folder: Path) -> NodeConfig:
    return NodeConfig(
        name="n1",
        listen_address="10.0.0.1",
        seeds=("10.0.0.1", "10.0.0.2"),
        data_folder=str(folder),
        initial_token=(-5, 7),
        faults=("lose_hint",),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "n1.json"
    config(tmp_path).write(path)
    assert NodeConfig.read(path) == config(tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read"),
        ('{"name": "n1", "nmae": 1}', "settings that no node knows: nmae"),
        ('{"name": "n1"}', "lacks settings: .*listen_address"),
    ],
)
def test_wrong_settings_are_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "n1.json"
    path.write_text(text)
    with pytest.raises(BackendError, match=why):
        NodeConfig.read(path)


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"none\.json"):
        NodeConfig.read(tmp_path / "none.json")
