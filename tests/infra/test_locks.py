"""The lock files: exact, hashed, free of addresses, and of one mind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infra.bundle import ROOT

LOCKS = [ROOT / "requirements.txt", ROOT / "functions" / "requirements.txt"]


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+(?:\[[^]]+\])?)==(\S+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", [*LOCKS, ROOT / "package-lock.json"], ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_names_no_place_to_download_from(lock: Path) -> None:
    assert not re.findall(r"\w+://\S+", lock.read_text())


def test_what_is_tested_is_what_is_deployed() -> None:
    here, deployed = (pins(lock) for lock in LOCKS)
    assert deployed
    assert {name: here.get(name) for name in deployed} == deployed


def test_the_cdk_cli_is_the_one_that_reads_this_librarys_assembly() -> None:
    """2.1148.1, exactly: `latest` is a mistaken 3.0.0 (docs/decisions/0003-node-from-a-package.md)."""
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]
    assert wanted == {"aws-cdk": "2.1148.1"}
    assert locked["version"] == "2.1148.1"
    assert locked["integrity"].startswith("sha512-")
