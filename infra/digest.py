"""What a set of files contains, so that work done for it is done once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digests(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """The SHA-256 (hex) of each file's content, by its path below `root`, in the order of the paths."""
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def python_files(folder: Path) -> Iterable[Path]:
    """Every Python source below a folder."""
    return folder.rglob("*.py")


TEXTS = (".j2", ".toml")
"""What functions read beside Python: pages, and the catalogue of messages."""


def texts(folder: Path) -> Iterable[Path]:
    """Every template and catalogue below a folder."""
    return (path for path in folder.rglob("*") if path.suffix in TEXTS)
