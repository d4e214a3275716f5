"""Which version line a release of Scylla belongs to."""

from harness.codec.verbs.line import Line
from harness.errors import BackendError


def line_of_release(version: str) -> Line:
    """The version line of a release such as ``4.2.4-0.20210324`` or ``2025.2.0~rc1``.

    Raises:
        BackendError: it is older than the oldest line that is known, or no version.
    """
    numbers = []
    for part in version.replace("-", ".").replace("~", ".").split(".")[:2]:
        if not part.isdecimal():
            break
        numbers.append(int(part))
    if len(numbers) == 2:
        lines = [
            line
            for line in Line
            if line is not Line.HEAD and [int(part) for part in line.value.split(".")] <= numbers
        ]
        if lines:
            return max(lines, key=lambda line: line.rank)
    raise BackendError(f"nodes say that their version is {version!r}, which is none that is known")
