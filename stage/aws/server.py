"""The emulator's own process: `python -m stage.aws.server --help`. MiniStack with the shim, on 127.0.0.1 only."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stage.aws.clock import stage_clock
from stage.aws.environment import emulator_environment
from stage.aws.lifeline import end_with
from stage.aws.shim import callbacks, executions, function_logs, functions, scheduler, service_events, snapshots, waits
from stage.aws.shim.patch import upstream


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stage.aws.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--wait-scale", type=float, default=1.0, help="factor on every Wait and Retry")
    parser.add_argument(
        "--clock-url", help="the simulator: schedules and Wait timestamps follow its clock, functions find MGN there"
    )
    parser.add_argument("--proxy-url", help="where functions find the hosts that the stage plays; default: nowhere")
    parser.add_argument("--log-dir", type=Path, required=True, help="functions/<name>.log are written below it")
    parser.add_argument("--scratch", help="an empty directory that may be removed at the end; default: a new one")
    parser.add_argument("--state", type=Path, help="where the services' state is kept; default: nowhere")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to end with")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv)
    scratch = given.scratch or tempfile.mkdtemp(prefix="cutover-stage-")
    clean = emulator_environment(
        given.port, given.region, given.wait_scale, scratch, dict(os.environ), given.proxy_url, given.clock_url
    )
    os.environ.clear()
    os.environ.update(clean)
    tempfile.tempdir = None  # it may have been settled before TMPDIR was
    end_with(given.parent, scratch)

    clock = stage_clock(given.clock_url)
    functions.install(Path(scratch) / "runtime")
    function_logs.install(given.log_dir / "functions")
    callbacks.install()
    waits.install(clock)
    executions.install()
    service_events.install()
    if given.state is None:
        scheduler.install(clock)
    else:
        kept = snapshots.install(given.state)
        scheduler.install(clock, fired=lambda: kept.save("scheduler"))

    sys.argv = ["ministack"]
    upstream("app").main()


if __name__ == "__main__":
    main()
