"""Writing files so that a crash, a second writer or a full disk leaves the old one."""

import errno
import os
import tempfile
from pathlib import Path
from typing import TypeGuard


def disk_full(error: BaseException) -> TypeGuard[OSError]:
    """Whether an error says that a disk, or a person's share of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` under a temporary name beside ``path`` and rename it. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
