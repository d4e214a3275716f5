import pytest

from harness.backends.release_line import line_of_release
from harness.codec.verbs.line import Line
from harness.errors import BackendError


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("4.2.4-0.20210324.abc", Line.V4_2),
        ("4.6.1", Line.V4_2),
        ("5.1.0", Line.V5_0),
        ("6.2.3-0.2024", Line.V6_2),
        ("2025.1.15-0.20251", Line.V2025_1),
        ("2025.2.0~rc1", Line.V2025_1),
        ("2027.1.0", Line.V2026_3),
        # Enterprise counted years before there was one product.
        ("2021.1.5-0.20210801", Line.V4_2),
        ("2022.2.3-0.20230201", Line.V5_0),
        ("2023.1.0~rc5-0.2023", Line.V5_0),
        ("2024.1.12-0.20241101", Line.V5_4),
        ("2024.2.5-0.20250201", Line.V5_4),
    ],
)
def test_the_line_is_that_of_the_newest_release_not_newer(version: str, line: Line) -> None:
    assert line_of_release(version) is line


@pytest.mark.parametrize("version", ["3.3.4", "2019.1.4-0.2020", "unknown", ""])
def test_a_version_older_than_all_lines_is_refused(version: str) -> None:
    with pytest.raises(BackendError, match="which is none that is known"):
        line_of_release(version)
