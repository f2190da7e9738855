"""The `cutover` command. Exit codes: 0 as asked, 1 another end, 2 an invalid plan or wrong use."""

from __future__ import annotations

import json
import os
import signal
import socket
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from cli import afterwards, operate, plan_commands, reading, run_commands
from cli.aws import AsJson, for_machines, speaks_aws
from cli.command import err as _err
from cli.command import fail, note, say
from cli.command import load as _load
from cli.command import out as _out
from cli.command import refuse as _refuse
from cli.prior import NotEvidence, read_proofs
from cutover.plan import Mode, Plan
from cutover.records import Proof

if TYPE_CHECKING:
    from stage.simulator import Scenario

TOKEN = "CLOUDENDURE_API_TOKEN"
URL = "CLOUDENDURE_URL"
CONSOLE = "https://console.cloudendure.com"
CONNECT_SECONDS = 5.0

app = typer.Typer(
    help="Hands-off server-migration cutovers on AWS.", no_args_is_help=True, pretty_exceptions_enable=False
)
plans = typer.Typer(help="Plans of a deployed Cutover, by the usual AWS variables.", no_args_is_help=True)
app.add_typer(plans, name="plan")
operate.add_to(app)
afterwards.add_to(app)
plan_commands.add_to(plans, app)
run_commands.add_to(app)
reading.add_to(app)

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: a YAML file.", show_default=False)]
Chaos = Annotated[
    int | None, typer.Option(metavar="SEED", min=0, help="Have things go wrong in the simulated world, by this seed.")
]


ONLY_A_TEST = "it can only be tested: it does not say in `cutover` what a cutover does around its launches"


class Services(StrEnum):
    """What a plan may be carried out on."""

    CLOUDENDURE = "cloudendure"
    MGN = "mgn"


NAMES = {Services.CLOUDENDURE: "CloudEndure", Services.MGN: "MGN"}


class Modes(StrEnum):
    """What to rehearse."""

    TEST = "test"
    CUTOVER = "cutover"
    BOTH = "both"


@app.command()
@for_machines
def check(plan: PlanFile) -> None:
    """Say whether a plan is valid: exit 0, or 2 with every error, its line and its remedy."""
    compiled = _load(plan)
    note(plan=compiled.name, sha256=compiled.sha256, modes=["test", "cutover"] if compiled.night else ["test"])
    say(f"{plan}: valid; {_counted(compiled)} in {len(compiled.waves)} waves, sha256 {compiled.sha256}")
    if compiled.night is None:
        say(ONLY_A_TEST)


def _counted(plan: Plan) -> str:
    """The machines of a plan, as far as it says how many there are."""
    selections = [str(entry.selection) for wave in plan.waves for entry in wave.machines if entry.selects]
    named = sum(len(wave.machines) for wave in plan.waves) - len(selections)
    if not selections:
        return f"{named} machines"
    machines = "1 machine" if named == 1 else f"{named} machines"
    return f"{machines} named, and those that a run finds when it begins ({'; '.join(selections)}),"


@app.command()
@speaks_aws
def preflight(
    plan: PlanFile,
    mode: Annotated[Mode, typer.Option(help="Which run to look ahead to.")] = Mode.TEST,
    service: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar=URL,
            help=f"The CloudEndure service; its token in {TOKEN}. MGN goes by the AWS variables.",
        ),
    ] = CONSOLE,
    as_json: AsJson = False,
) -> None:
    """Find what would go wrong, all at once, and change nothing: exit 0 without errors, 1 with. Read-only rights do."""
    compiled = _load(plan)
    url, token = (_url(service), _token()) if compiled.service == "cloudendure" else ("", "")
    import boto3  # the commands that speak to nobody start without it
    from botocore.exceptions import BotoCoreError

    from cli.deployment import Deployment
    from cli.preflight import cloudendure, look, mgn, show, show_json
    from cutover.errors import CutoverError

    try:
        theirs = mgn(compiled) if compiled.service == "mgn" else cloudendure(compiled, url, token)
        looked = look(compiled, mode, theirs, Deployment(boto3.client))
    except (CutoverError, BotoCoreError) as error:
        fail(f"{error}; nothing was changed, ask again later")
    (show_json if as_json else show)(looked, _out())
    raise typer.Exit(1 if looked.preflight.refused else 0)


@app.command()
@for_machines
def rehearse(
    plan: PlanFile,
    mode: Annotated[Modes, typer.Option(help="`both` runs test, then cutover seven days later.")] = Modes.TEST,
    scenario: Annotated[Path | None, typer.Option(help="The simulated world; by default the demo's.")] = None,
    chaos: Chaos = None,
    after: Annotated[Path | None, typer.Option(help="evidence.json of an earlier test run of this plan.")] = None,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="Every mode begins by its schedule; the days between are passed over.")
    ] = False,
    on: Annotated[Services | None, typer.Option(help="Carry it out on this service, whichever it names.")] = None,
    service: Annotated[
        str | None, typer.Option(metavar="URL", help=f"A CloudEndure service to use instead; token in {TOKEN}.")
    ] = None,
    aws_port: Annotated[
        int, typer.Option(min=0, max=65534, help="Port of the embedded AWS; its EC2 is on the next. 0: any free.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Where evidence goes; by default out/PLAN NAME/MODE/.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the stage there: the same command goes on, even after a kill."),
    ] = None,
) -> None:
    """Carry a plan out on a local stage and leave its evidence: exit 0 only if every machine ended verified."""
    compiled = _load(plan, on)
    if service is not None and (scenario is not None or chaos is not None):
        _refuse("--service excludes --scenario and --chaos: a service elsewhere is not simulated")
    if service is not None and compiled.service != Services.CLOUDENDURE:
        _refuse(f"--service is for CloudEndure, and this is on {compiled.service}")
    if calendar and (service is not None or state is not None or after is not None):
        _refuse(
            "--calendar excludes --service, whose clock is its own, and --state and --after: it begins with nothing"
        )
    from cli.rehearse import Rehearsal, RunNotClaimed  # these bring the stage along; other commands do without it
    from cli.time_travel import Calendar, PastCalendar, ScheduleSilent, at_its_time, dated
    from stage.aws.emulator import StageFailed
    from stage.aws.ports import PortInUse
    from stage.simulator import Scenario, ScenarioError
    from stage.stage import DEFAULT_SCENARIO, Service, Stage
    from stage.state_dir import StateRefused

    modes = [Mode.TEST, Mode.CUTOVER] if mode is Modes.BOTH else [Mode(mode.value)]
    if calendar:
        compiled = dated(compiled, datetime.now(UTC))
        modes = [each for each in Mode if each in compiled.schedule]
    folders = _folders(compiled, modes, out)
    proofs = _proofs(after, compiled)
    try:
        plays = Service(token=_token(), url=_url(service)) if service else Scenario.load(scenario or DEFAULT_SCENARIO)
        if calendar and isinstance(plays, Scenario):
            plays = at_its_time(plays, compiled, datetime.now(UTC))
    except (ScenarioError, PastCalendar) as error:
        _refuse(str(error))
    signal.signal(signal.SIGTERM, _interrupt)
    console = _out()
    if chaos is not None and isinstance(plays, Scenario):
        folder = folders[modes[0]] if len(modes) == 1 else folders[modes[0]].parent
        plays = _chaos(chaos, plays, console, folder / "scenario.yaml")
    served = NAMES[Services(compiled.service)]
    if on is not None:
        console.print(f"on {served}, by --on", highlight=False)
    rehearsal = Rehearsal(compiled, folders, proofs, state)
    rehearsal.clear()
    try:
        logs = folders[modes[0]] / "stage"
        with Stage(plays, region=compiled.region, port=aws_port, logs=logs, state=state) as stage:
            if state is not None:
                begins = "continues the stage in" if stage.continues else "a new stage in"
                console.print(f"{begins} {state}", highlight=False, soft_wrap=True)
            console.print(
                f"AWS {stage.aws.url}, EC2 {stage.aws.ec2_url}, any credentials; {served} {stage.url}",
                highlight=False,
                soft_wrap=True,
            )
            console.print(f"to take part: export {stage.variables}", markup=False, highlight=False, soft_wrap=True)
            note(evidence={mode.value: str(folder / "evidence.json") for mode, folder in folders.items()})
            lived = Calendar(compiled, folders)
            verified = lived.live(stage, console) if calendar else rehearsal.carry_out(stage, console)
    except (PortInUse, StateRefused) as error:
        _refuse(str(error))
    except (StageFailed, RunNotClaimed, ScheduleSilent) as error:
        fail(str(error))
    except KeyboardInterrupt:
        more = ", and the same command goes on" if state else ""
        _err().print(f"interrupted; nothing is left running, the evidence says how far it came{more}", style="red")
        raise typer.Exit(1) from None
    raise typer.Exit(0 if verified else 1)


@app.command()
def stage(
    scenario: Annotated[Path | None, typer.Option(help="The simulated world; by default the demo's.")] = None,
    aws_port: Annotated[
        int, typer.Option(min=0, max=65534, help="Port of the embedded AWS; its EC2 is on the next. 0: any free.")
    ] = 0,
    logs: Annotated[Path, typer.Option(metavar="DIR", help="Where its logs go.")] = Path("out/stage-logs"),
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the stage there: the same command goes on with it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: one line, once it is up.")] = False,
) -> None:
    """Keep a local stage up until interrupted, with all that is deployed on it, and print how to take part."""
    from stage.aws.emulator import StageFailed  # these bring the stage along; other commands do without it
    from stage.aws.ports import PortInUse
    from stage.simulator import Scenario, ScenarioError
    from stage.stage import DEFAULT_SCENARIO, Stage
    from stage.state_dir import StateRefused

    try:
        world = Scenario.load(scenario or DEFAULT_SCENARIO)
    except ScenarioError as error:
        _refuse(str(error))
    signal.signal(signal.SIGTERM, _interrupt)
    region = next(iter(world.projects.values())).region
    try:
        with Stage(world, region=region, port=aws_port, logs=logs, state=state) as up:
            if as_json:
                endpoints = {"aws": up.aws.url, "ec2": up.aws.ec2_url, "service": up.url, "export": up.variables}
                typer.echo(json.dumps({**endpoints, "region": region}))
            else:
                say(f"AWS {up.aws.url}, EC2 {up.aws.ec2_url}, any credentials; service {up.url}")
                say(f"to take part: export {up.variables}")
            signal.pause()
    except (PortInUse, StateRefused) as error:
        _refuse(str(error))
    except StageFailed as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command()
def simulator(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where to answer, on 127.0.0.1.")],
    scenario: Annotated[Path | None, typer.Option(help="The simulated world; by default the demo's.")] = None,
    chaos: Chaos = None,
) -> None:
    """Serve the simulator of CloudEndure and MGN alone, until interrupted. Targets are made in the EC2 at
    AWS_ENDPOINT_URL_EC2."""
    from stage.simulator import Opening, Scenario, ScenarioError, Simulator, ec2_client, serve  # needed here alone
    from stage.stage import DEFAULT_SCENARIO

    try:
        world = Scenario.load(scenario or DEFAULT_SCENARIO)
    except ScenarioError as error:
        _refuse(str(error))
    if chaos is not None:
        world = _chaos(chaos, world, _out())
    signal.signal(signal.SIGTERM, _interrupt)
    region = next(iter(world.projects.values())).region
    try:
        opening = Opening(lambda: Simulator(world, ec2=ec2_client(region)), Simulator(world).token)
        with serve(opening, port) as console:
            _out().print(
                f"CloudEndure at {console.url}/api/latest, projects: {', '.join(world.projects)}", highlight=False
            )
            _out().print(f"MGN of {region}: AWS_ENDPOINT_URL_MGN={console.url}", highlight=False, soft_wrap=True)
            signal.pause()
    except OSError as error:
        _refuse(f"port {port} of 127.0.0.1 cannot be used ({error}); choose another with --port")
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _chaos(seed: int, scenario: Scenario, console: Console, file: Path | None = None) -> Scenario:
    """What the seed makes of the scenario, said in one line and, with `file`, written there to be read and replayed."""
    from stage.simulator.chaos import draw  # brings the simulator along

    drawn = draw(seed, scenario)
    where = ""
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(drawn.scenario.text(str(drawn)), encoding="utf-8")
        where = f"; replay it with --scenario {file}"
    console.print(f"{drawn}{where}", markup=False, highlight=False, soft_wrap=True)
    return drawn.scenario


def _folders(plan: Plan, modes: list[Mode], out: Path | None) -> dict[Mode, Path]:
    """A folder for each mode: --out itself for one mode, below it for both."""
    base = out or Path("out") / plan.name
    return {mode: base / mode.value if out is None or len(modes) > 1 else base for mode in modes}


def _proofs(after: Path | None, plan: Plan) -> list[Proof]:
    if after is None:
        return []
    try:
        return read_proofs(after, plan)
    except NotEvidence as error:
        _refuse(str(error))


def _url(given: str) -> str:
    """scheme://host[:port] with an optional path, as the client takes it; something must answer there."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        _refuse(f"--service: seen {given!r}; rule: http(s)://host[:port], with a path only if the API is elsewhere")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        _refuse(f"--service: nothing answers at {given} ({error}); start the service, or correct the URL")
    return given


def _token() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        _refuse(f"the service's API token is needed in the environment variable {TOKEN}")
    return token


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
