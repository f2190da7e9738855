"""What runs in Lambda: complete without anything of this machine, the same everywhere, never stale."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bundle import ROOT, Bundle, BundleStale
from infra.digest import digests
from tests.infra.template import FUNCTION_FILES

# What the Lambda runtime brings: boto3 and what it needs, where the bundle does not have it.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
IMPORT_ALL = """
import importlib, json, sys
sys.path[:0] = sys.argv[1:3]
failed = {}
for name in sys.argv[3:]:
    try:
        if not callable(importlib.import_module(name).handler):
            failed[name] = "handler is not callable"
        assert "cutover.report" not in sys.modules, "it is brought along by whoever imports a function"
    except BaseException as error:
        failed[name] = repr(error)
import cutover.report
loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps({"failed": failed, "loaded": loaded}))
"""


@pytest.fixture(scope="session")
def bundle() -> Path:
    Bundle().build()
    return Bundle().folder


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Bundle:
    """A small project with its packages, a stand-in for them, already there: nothing is downloaded."""
    (tmp_path / "functions" / "cutover").mkdir(parents=True)
    (tmp_path / "functions" / "open_run.py").write_text("handler = print\n")
    (tmp_path / "functions" / "cutover" / "plan.py").write_text("")
    shutil.copy(ROOT / "functions" / "requirements.txt", tmp_path / "functions")
    (tmp_path / "build" / "packages" / "requests").mkdir(parents=True)
    (tmp_path / "build" / "packages" / "requests" / "__init__.py").write_text("")
    shutil.copy(bundle.parent / "packages.json", tmp_path / "build")
    made = Bundle(tmp_path)
    made.build()
    return made


@pytest.fixture(scope="session")
def imported(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Every handler module imported by a Python that sees the bundle and boto3, nothing else."""
    runtime = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        assert spec
        assert spec.origin
        found = Path(spec.origin)
        found = found.parent if found.name == "__init__.py" else found
        (runtime / found.name).symlink_to(found)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALL, str(bundle), str(runtime), *FUNCTION_FILES],
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, dict[str, str]] = json.loads(done.stdout)
    return answer


def test_every_function_imports_with_the_bundle_and_boto3_alone(imported: dict[str, dict[str, str]]) -> None:
    assert imported["failed"] == {}


def test_no_function_imports_pydantic(imported: dict[str, dict[str, str]]) -> None:
    assert "cutover" in imported["loaded"]
    assert not [name for name in imported["loaded"] if name.startswith("pydantic")]


def test_no_function_needs_compiled_code_of_the_bundle(bundle: Path, imported: dict[str, dict[str, str]]) -> None:
    compiled = {path.relative_to(bundle).parts[0] for path in bundle.rglob("*.so*")}
    # They have pure-Python fallbacks, which this very test uses wherever it does not run on ARM with Python 3.13.
    assert compiled <= {"charset_normalizer", "markupsafe"}


def test_the_bundle_holds_the_functions_as_they_are_and_nothing_of_this_machine(bundle: Path) -> None:
    ours = sorted(path for kind in ("*.py", "*.j2") for path in (ROOT / "functions").rglob(kind))
    assert ROOT / "functions" / "cutover" / "report" / "report.html.j2" in ours
    assert digests(ROOT / "functions", ours) == digests(
        bundle, (bundle / path.relative_to(ROOT / "functions") for path in ours)
    )
    names = {path.name for path in bundle.rglob("*")}
    assert not names & {"RECORD", "bin", "boto3", "botocore"}


def test_a_bundle_up_to_date_is_left_alone(copy: Bundle) -> None:
    assert copy.build() is False
    assert copy.require_fresh() == copy.folder


def test_changed_sources_are_bundled_without_installing_anything(
    copy: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_options: pytest.fail("pip was started"))
    (tmp_path / "functions" / "open_run.py").unlink()
    (tmp_path / "functions" / "close_run.py").write_text("handler = print\n")
    assert copy.build() is True
    assert sorted(path.name for path in copy.folder.glob("*_run.py")) == ["close_run.py"]


@pytest.mark.parametrize(
    "changed", ["functions/open_run.py", "functions/cutover/plan.py", "functions/requirements.txt"]
)
def test_a_stale_bundle_is_refused_with_the_file_and_what_to_do(changed: str, copy: Bundle, tmp_path: Path) -> None:
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")
    with pytest.raises(BundleStale, match=rf"the bundle is stale: {changed} changed.*Run `make setup`"):
        copy.require_fresh()


def test_a_bundle_with_a_function_too_many_is_stale(copy: Bundle, tmp_path: Path) -> None:
    (tmp_path / "functions" / "open_run.py").unlink()
    with pytest.raises(BundleStale, match=r"functions/open_run\.py changed"):
        copy.require_fresh()


def test_two_bundles_of_the_same_sources_are_the_same(copy: Bundle, tmp_path: Path) -> None:
    first = digests(copy.folder, (path for path in copy.folder.rglob("*") if path.is_file()))
    shutil.rmtree(copy.folder)
    assert copy.build() is True
    assert digests(copy.folder, (path for path in copy.folder.rglob("*") if path.is_file())) == first
