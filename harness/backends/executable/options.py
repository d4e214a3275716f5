"""Which executable is wanted, and what it is told besides."""

import shlex
from dataclasses import dataclass
from pathlib import Path

CHROOT = "chroot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutableOptions:
    """Of ``--cluster=executable``."""

    executable: Path
    prefix: tuple[str, ...] = ()
    """What stands before the executable, such as ``chroot DIR env NAME=VALUE``."""
    arguments: tuple[str, ...] = ()
    """Added to each node's command line."""
    yaml: Path | None = None
    """Settings that win over ours."""
    has_tablets: bool | None = None
    """Whether keyspaces have tablets where scenarios do not care; None: no."""

    @property
    def root(self) -> Path:
        """What the executable takes for the root of all files, as far as the prefix says it: behind ``chroot``."""
        names = [Path(word).name for word in self.prefix]
        if CHROOT in names:
            for word in self.prefix[names.index(CHROOT) + 1 :]:
                if not word.startswith("-"):
                    return Path(word).absolute()
        return Path("/")

    @property
    def command(self) -> tuple[str, ...]:
        """How it is started, without its arguments."""
        return (*self.prefix, str(self.executable))

    def __str__(self) -> str:
        return shlex.join(self.command)
