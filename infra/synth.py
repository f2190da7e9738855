"""The template, synthesized when something it is made from has changed: `python -m infra.synth`."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.bundle import ROOT, Bundle, BundleStale
from infra.digest import digests, python_files
from infra.node import node_environment

OUT = ROOT / "build" / "cdk.out"
# What may change what the app writes, and nothing of the machine it runs on: no account, region or proxy.
PASSED_ON = ("HOME", "LANG", "LC_ALL", "TMPDIR")


class SynthesisFailed(Exception):
    """When the CDK app ended with an error; carries what it said."""


def synthesize(out: Path = OUT) -> Path:
    """The folder of the cloud assembly (`Cutover.template.json`, assets, manifest), up to date.

    Does in a tenth of a second what was done before for the same inputs. Needs no network, account, Docker or Node of
    the machine. Raises `BundleStale` when the functions were not bundled since they changed, `SynthesisFailed` when
    the app fails.
    """
    bundle = Bundle().require_fresh()
    sources = [ROOT / "app.py", ROOT / "cdk.json", ROOT / "requirements.txt", *python_files(ROOT / "infra")]
    inputs = digests(ROOT, [*sources, *(ROOT / "statemachines").glob("*.json"), bundle.with_suffix(".json")])
    record = out / "inputs.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one at a time: tests in parallel may all ask
        if record.exists() and json.loads(record.read_text()) == inputs:
            return out
        fresh = out.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _run_app(fresh)
        (fresh / record.name).write_text(json.dumps(inputs, indent=1))
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)
    return out


def _run_app(out: Path) -> None:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    app = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**kept, **node_environment(), "CDK_OUTDIR": str(out)},
        capture_output=True,
        text=True,
        check=False,
    )
    if app.returncode:
        raise SynthesisFailed(f"app.py ended with {app.returncode}:\n{app.stdout}{app.stderr}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{synthesize()}\n")
    except (BundleStale, SynthesisFailed) as error:
        sys.exit(str(error))
