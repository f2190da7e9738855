"""What runs in Lambda: `build/functions/`, made before synthesis from the functions and their lock.

Made by `python -m infra.bundle`.

The packages are the wheels Lambda's platform takes (Linux on ARM, Python 3.13), chosen by pip's platform flags: no
Docker, no compiler. They hold no compiled code without a pure-Python fallback, so that the same folder runs on the
stage; boto3 comes with the Lambda runtime (docs/decisions/0001-one-asset-built-ahead.md).
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.digest import TEXTS, digests, python_files, texts

ROOT = Path(__file__).resolve().parent.parent
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html: the platform tag, the version, wheels only.
PLATFORM = (
    "--implementation=cp",
    "--python-version=3.13",
    "--only-binary=:all:",
    "--platform=manylinux2014_aarch64",
    "--platform=manylinux_2_28_aarch64",
)


class BundleStale(Exception):
    """When the bundle is absent, or was made from something else than what is here now."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"{folder}: {reason}. Run `make setup` (or `python -m infra.bundle`), then try again")


class Bundle:
    """The folder Lambda gets, and the record of what it was made from, below `<root>/build/`."""

    def __init__(self, root: Path = ROOT) -> None:
        self.folder = root / "build" / "functions"
        self._root = root
        self._lock = root / "functions" / "requirements.txt"
        self._packages = root / "build" / "packages"
        self._record = root / "build" / "functions.json"

    def build(self) -> bool:
        """Make the folder if it is not up to date; whether anything was done. Needs the network for new packages only.

        Raises `subprocess.CalledProcessError` when pip refuses the lock; pip has said why on stderr.
        """
        with self._alone():
            inputs = self._inputs()
            if self._made_from() == inputs and self.folder.is_dir():
                return False
            self._record.unlink(missing_ok=True)
            self._install_packages()
            self._assemble()
            self._record.write_text(json.dumps(inputs, indent=1))
            return True

    def require_fresh(self) -> Path:
        """The folder, when it is what the sources here would make; else `BundleStale`."""
        made_from, inputs = self._made_from(), self._inputs()
        if made_from is None or not self.folder.is_dir():
            raise BundleStale(self.folder, "there is no bundle of the functions")
        changed = sorted({path for path, _ in made_from.items() ^ inputs.items()})
        if changed:
            more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
            raise BundleStale(self.folder, f"the bundle is stale: {changed[0]}{more} changed since it was made")
        return self.folder

    def _inputs(self) -> dict[str, str]:
        sources = [*self._sources(), self._lock]
        return {**digests(self._root, sources), "pip": " ".join(PLATFORM)}

    def _sources(self) -> list[Path]:
        return [*python_files(self._lock.parent), *texts(self._lock.parent)]

    def _made_from(self) -> dict[str, str] | None:
        try:
            made_from: dict[str, str] = json.loads(self._record.read_text())
        except FileNotFoundError:
            return None
        return made_from

    def _install_packages(self) -> None:
        """The locked wheels, unpacked; kept beside the bundle, so that a change of our sources downloads nothing."""
        stamp = self._packages.with_suffix(".json")
        wanted = {path: digest for path, digest in self._inputs().items() if not path.endswith((".py", *TEXTS))}
        if stamp.exists() and json.loads(stamp.read_text()) == wanted:
            return
        stamp.unlink(missing_ok=True)
        shutil.rmtree(self._packages, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PLATFORM]
        command += ["--require-hashes", "--no-deps", "--no-compile"]
        command += ["--target", str(self._packages), "-r", str(self._lock)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        # Scripts name this machine's Python, and the lists of installed files contain the scripts' hashes: neither is
        # of use in Lambda, and without them the bundle is the same wherever it is made.
        shutil.rmtree(self._packages / "bin", ignore_errors=True)
        for path in self._packages.glob("*.dist-info/*"):
            if path.name in ("RECORD", "INSTALLER", "REQUESTED"):
                path.unlink()
        stamp.write_text(json.dumps(wanted, indent=1))

    def _assemble(self) -> None:
        made = self.folder.with_name("functions.new")
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(self._packages, made)
        for source in self._sources():
            target = made / source.relative_to(self._lock.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        shutil.rmtree(self.folder, ignore_errors=True)
        made.rename(self.folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One builder at a time: tests in parallel may all ask."""
        self._record.parent.mkdir(exist_ok=True)
        with (self._record.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


if __name__ == "__main__":
    Bundle().build()
