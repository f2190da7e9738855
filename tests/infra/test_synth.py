"""Synthesis needs nothing but this folder, says what is missing, and is done once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import synth
from infra.bundle import ROOT


def app(root: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=root,
        env={"CDK_OUTDIR": str(out), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_synthesis_needs_no_network_account_docker_or_node_of_the_machine(assembly: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    nowhere = "http://127.0.0.1:9"
    done = app(
        ROOT, tmp_path / "out", PATH=str(empty), HOME=str(empty), HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, NO_PROXY=""
    )

    assert done.returncode == 0, done.stderr
    name = "Cutover.template.json"
    assert (tmp_path / "out" / name).read_text() == (assembly / name).read_text()


def test_synthesis_without_a_bundle_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name in ("infra", "statemachines", "functions"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, tmp_path)

    done = app(tmp_path, tmp_path / "out")

    assert done.returncode == 1
    assert done.stderr == (
        f"app.py: {tmp_path}/build/functions: there is no bundle of the functions. "
        "Run `make setup` (or `python -m infra.bundle`), then try again\n"
    )


def test_a_second_synthesis_of_the_same_inputs_does_not_start_the_app(
    assembly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synth, "_run_app", lambda out: pytest.fail("the app was started"))
    assert synth.synthesize() == assembly


def test_another_input_is_synthesized_anew(assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "cdk.out"
    shutil.copytree(assembly, out)
    record = out / "inputs.json"
    record.write_text(record.read_text().replace('"app.py"', '"another.py"'))
    started: list[Path] = []

    def stand_in(fresh: Path) -> None:
        fresh.mkdir()
        started.append(fresh)

    monkeypatch.setattr(synth, "_run_app", stand_in)
    synth.synthesize(out)
    assert len(started) == 1
    assert [path.name for path in out.iterdir()] == ["inputs.json"]


def test_a_failing_app_is_told_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "ROOT", tmp_path)
    (tmp_path / "app.py").write_text("import sys; sys.exit('no such thing')")
    with pytest.raises(synth.SynthesisFailed, match="no such thing"):
        synth._run_app(tmp_path / "out")
