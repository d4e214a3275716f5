"""Which release of Scylla a version is, and which line that belongs to.

Source:
    ScyllaDB docs of 5.4 and 6.2, docs/reference/versions-matrix-enterprise-oss, docs/upgrade/upgrade-to-enterprise (which
    release an Enterprise one is made of). Since 2025.1 there is one product, with numbers like those of Enterprise.
"""

from harness.codec.verbs.line import Line
from harness.errors import BackendError

_ENTERPRISE = {
    (2020, 1): (4, 0),
    (2021, 1): (4, 3),
    (2022, 1): (5, 0),
    (2022, 2): (5, 1),
    (2023, 1): (5, 2),
    (2024, 1): (5, 4),
    (2024, 2): (6, 0),
}
_ENTERPRISE_SINCE, _ENTERPRISE_UNTIL = (2015, 1), (2025, 1)


def release_numbers(version: str) -> tuple[int, int]:
    """Major and minor number of a version such as ``4.2.4-0.20210324``; of Enterprise, of the release that it is made of.

    Raises:
        BackendError: it is no version, or of an Enterprise release that is not known.
    """
    numbers = []
    for part in version.replace("-", ".").replace("~", ".").split(".")[:2]:
        if not part.isdecimal():
            break
        numbers.append(int(part))
    if len(numbers) == 2:
        found = (numbers[0], numbers[1])
        if not _ENTERPRISE_SINCE <= found < _ENTERPRISE_UNTIL:
            return found
        if found in _ENTERPRISE:
            return _ENTERPRISE[found]
    raise _unknown(version)


def line_of_release(version: str) -> Line:
    """The version line of a release such as ``4.2.4-0.20210324`` or ``2025.2.0~rc1``.

    Raises:
        BackendError: it is older than the oldest line that is known, or no version.
    """
    numbers = release_numbers(version)
    lines = [line for line in Line if line is not Line.HEAD and _begin_of(line) <= numbers]
    if not lines:
        raise _unknown(version)
    return max(lines, key=lambda line: line.rank)


def _begin_of(line: Line) -> tuple[int, int]:
    major, minor = line.value.split(".")
    return int(major), int(minor)


def _unknown(version: str) -> BackendError:
    return BackendError(f"nodes say that their version is {version!r}, which is none that is known")
