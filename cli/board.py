"""What a person watches while a run goes on: a board on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.deployment import RunView
from cli.night_board import night_lines
from cutover.instants import text
from cutover.planned_night import Night
from cutover.records import MachineRecord, MachineStatus, Phase, WaveRecord
from cutover.words import duration

STYLES = {
    MachineStatus.VERIFIED: "green",
    MachineStatus.FAILED: "bold red",
    MachineStatus.UNKNOWN: "bold magenta",
    MachineStatus.HELD: "bold magenta",
    MachineStatus.REFUSED: "yellow",
    MachineStatus.POSTPONED: "yellow",
}
MOST_ROWS = 40
"""Machines of one wave on the board; the evidence has them all."""


@contextmanager
def watching(console: Console, planned: Night | None = None) -> Iterator[Board]:
    """A board that is shown as long as the context lasts. `planned`: the night of the run's plan."""
    if not console.is_terminal:
        yield Lines(console, planned)
        return
    with Live(console=console, refresh_per_second=4, transient=False) as live:
        yield Screen(live, planned)


class Board(Protocol):
    """Is shown a run again and again. `now`: the service's, for the clock of the downtime."""

    def show(self, view: RunView, now: datetime | None = None) -> None: ...


class Screen:
    """The whole run at a glance, redrawn."""

    def __init__(self, live: Live, planned: Night | None = None) -> None:
        self._live, self._planned = live, planned

    def show(self, view: RunView, now: datetime | None = None) -> None:
        self._live.update(draw(view, self._planned, now))


class Lines:
    """One line for each thing that has changed."""

    def __init__(self, console: Console, planned: Night | None = None) -> None:
        self._console, self._planned = console, planned
        self._said: dict[str, str] = {}

    def show(self, view: RunView, now: datetime | None = None) -> None:
        for about, line in night_lines(view, self._planned, None).items():
            self._say(about, text(now) if now else None, line)
        for wave, machines in view.waves:
            if wave.phase is not Phase.WAITING or wave.reason:
                self._say(wave.name, wave.looked, f"wave {wave.name}: {_wave_line(wave, machines)}")
            for machine in machines:
                if machine.judged:
                    self._say(f"{wave.name}/{machine.label}", wave.looked, f"  {_verdict_line(machine)}")

    def _say(self, key: str, at: str | None, line: str) -> None:
        if self._said.get(key) != line:
            self._said[key] = line
            self._console.print(f"{at or '':20} {line}", markup=False, highlight=False, soft_wrap=True)


def draw(view: RunView, planned: Night | None = None, now: datetime | None = None) -> Group:
    """The board as it stands."""
    run = view.run
    verified = sum(machine.status is MachineStatus.VERIFIED for machine in view.machines())
    looked = max((wave.looked for wave, _ in view.waves if wave.looked), default=run.started or run.claimed)
    title = Text.assemble(
        (f"{run.plan} {run.mode.value}", "bold"),
        f"  {verified} of {len(view.machines())} verified",
        (f"  {looked} by the service's clock", "dim"),
        (f"  {run.id}", "dim"),
    )
    if run.simulated:
        title.append("  simulated", "dim")
    night = [Text(line) for line in night_lines(view, planned, now).values()]
    return Group(title, *night, *(_wave_table(wave, machines) for wave, machines in view.waves))


def _wave_table(wave: WaveRecord, machines: tuple[MachineRecord, ...]) -> Table:
    table = Table(
        title=f"wave {wave.name}: {_wave_line(wave, machines)}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
    )
    for name, width in (("machine", 20), ("state", 27)):
        table.add_column(name, width=width, no_wrap=True, overflow="ellipsis")
    for name, width in (("lag", 12), ("synced", 7)):
        table.add_column(name, width=width, no_wrap=True, justify="right")
    table.add_column("seen", ratio=1)
    lines = {str(line["label"]): line for line in wave.progress}
    for machine in machines[:MOST_ROWS]:
        line = lines.get(machine.label, {})
        lag, percent = line.get("lag"), line.get("percent")
        table.add_row(
            machine.label,
            _state(machine, wave, line),
            duration(timedelta(seconds=lag)) if lag is not None else "",
            f"{percent} %" if percent is not None else ("100 %" if line.get("ready") else ""),
            _seen(machine, line),
        )
    if len(machines) > MOST_ROWS:
        table.caption = f"and {len(machines) - MOST_ROWS} more"
    return table


def _wave_line(wave: WaveRecord, machines: Sequence[MachineRecord]) -> str:
    """Where a wave is, in one line; a log that speaks of machines by their ids has them named."""
    if wave.phase is Phase.ENDED:
        outcome = wave.outcome.value if wave.outcome else "ended"
        if wave.passed and outcome != "verified":
            return f"passed: {wave.reason}"
        return outcome if outcome == "verified" else f"{outcome}: {wave.reason}"
    if wave.phase is Phase.FOLLOWING:
        line = wave.last_line
        for each in machines:
            line = line.replace(each.id, each.label) if each.id else line
        return f"job {wave.job_status}: {line}" if line else f"job {wave.job_status}"
    if wave.phase is Phase.LAUNCHING:
        return f"launching, attempt {wave.attempts}"
    return wave.reason or "not begun"


def _state(machine: MachineRecord, wave: WaveRecord, line: dict[str, object]) -> Text:
    if machine.judged:
        return Text(machine.status.value, STYLES.get(machine.status, ""))
    if wave.phase is Phase.FOLLOWING:
        return Text("verifying" if machine.target and machine.target.instance_id else "launching", "cyan")
    return Text(str(line.get("state", "")), "green" if line.get("ready") else "")


def _seen(machine: MachineRecord, line: dict[str, object]) -> str:
    if machine.findings:
        return machine.findings[-1].seen
    if machine.target and machine.target.instance_id:
        open_checks = [check.name for check in machine.checks if check.passed is None]
        addresses = " ".join((*machine.target.private_ips, *machine.target.public_ips))
        waits = f" (waits for {', '.join(open_checks)})" if open_checks else ""
        return f"{machine.target.instance_id} {addresses}{waits}"
    return str(line.get("reason", ""))


def _verdict_line(machine: MachineRecord) -> str:
    target = machine.target
    where = f" {target.instance_id} {' '.join((*target.private_ips, *target.public_ips))}" if target else ""
    why = f": {machine.findings[-1]}" if machine.findings else ""
    return f"{machine.label} {machine.status.value}{where}{why}"
