"""Rules about the code itself: who may import whom, where the world is touched, what is never written."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTIONS = ROOT / "functions"
HANDLERS = sorted(FUNCTIONS.glob("*.py"))
SHARED = sorted((FUNCTIONS / "cutover").glob("*.py"))
CORE = {
    "changes",
    "by_hand",
    "after_records",
    "cleanup",
    "application",
    "closing",
    "commands",
    "slack_access",
    "invitations",
    "deciding",
    "configuration_findings",
    "downtime",
    "errors",
    "evidence",
    "finalizing",
    "finding",
    "gates",
    "guard",
    "instance",
    "instants",
    "joblog",
    "late",
    "launch",
    "launch_configuration",
    "launch_room",
    "leftovers",
    "machine",
    "moments",
    "mgn_events",
    "monitor",
    "migration_service",
    "night",
    "night_records",
    "observing",
    "places",
    "pending",
    "placement",
    "plan",
    "planned_calendar",
    "planned_night",
    "planned_selection",
    "planned_telling",
    "preflight",
    "preflight_capacity",
    "preflight_mgn",
    "preflight_network",
    "preflight_service",
    "preflight_steps",
    "previous",
    "reading",
    "readiness",
    "records",
    "replication",
    "rule",
    "selection",
    "silence",
    "steps",
    "steps_by_hand",
    "summary",
    "standing",
    "surveyed",
    "takeover",
    "terms",
    "told_records",
    "typed_events",
    "verification",
    "waking",
    "when",
    "words",
}
"""Pure: the standard library and each other, no clock, no environment, no network."""

CLI_MAY = CORE | {"__init__", "events", "reporting", "telling"}
"""What the command may take from functions/: the core, with the message catalogue and the report."""

PREFLIGHT_MAY = {"clients", "cloudendure", "locks", "mgn", "store", "survey", "survey_account"}
"""What cli/preflight.py takes beside it, when it is called: it works before anything is deployed (decision 14)."""

PURE = {
    "__future__",
    "abc",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "ipaddress",
    "itertools",
}
PURE |= {"json", "math", "re", "shlex", "typing", "hmac", "base64"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    """Modules it imports at run time, dotted; what stands under `if TYPE_CHECKING` is for readers only."""
    found: set[str] = set()
    for node in _run_time(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module in ("cutover", "stage") else module for alias in node.names}
    return found


def _run_time(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _run_time(child)


def names(path: Path) -> set[str]:
    """Every dotted name that is read: os.environ, datetime.now, time.sleep."""
    return {ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute | ast.Name)}


def top(modules: set[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def ours(modules: set[str]) -> set[str]:
    return {module.split(".")[1] for module in modules if module.startswith("cutover.")}


def python(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_core_is_pure(name: str) -> None:
    path = FUNCTIONS / "cutover" / f"{name}.py"
    seen = imports(path)
    assert top(seen) - {"cutover"} <= PURE
    assert ours(seen) <= CORE
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("datetime.now", "datetime.utcnow", "date.today", "open", "print")


def test_every_shared_module_is_core_or_edge_and_the_edge_is_named() -> None:
    edge = {path.stem for path in SHARED} - CORE - {"__init__"}
    assert edge == {
        "aftermath",
        "boards",
        "decisions",
        "deciding_requests",
        "inviting",
        "slack",
        "store_decisions",
        "web",
        "asking_targets",
        "cloudendure",
        "cloudendure_answers",
        "cloudendure_blueprints",
        "cloudendure_secrets",
        "cloudendure_session",
        "clients",
        "deeds",
        "ec2",
        "ending",
        "events",
        "executions",
        "guest",
        "locks",
        "looks",
        "mgn",
        "mgn_answers",
        "mgn_client",
        "mgn_launch_configuration",
        "mgn_log",
        "mgn_replication",
        "mgn_templates",
        "news",
        "observed",
        "opening",
        "probing",
        "reporting",
        "schedules",
        "settings",
        "step",
        "store",
        "store_files",
        "store_items",
        "store_memory",
        "store_monitor",
        "store_night",
        "store_runs",
        "store_stream",
        "store_told",
        "store_waves",
        "survey",
        "survey_account",
        "survey_nodes",
        "survey_ec2",
        "unlaunched",
        "waits",
    }


@pytest.mark.parametrize("path", sorted((FUNCTIONS / "cutover" / "telling").glob("*.py")), ids=lambda path: path.stem)
def test_what_people_are_told_is_made_of_records_alone(path: Path) -> None:
    seen = imports(path)
    assert top(seen) - {"cutover"} <= PURE | {"html", "jinja2", "pathlib", "tomllib", "zoneinfo"}
    assert ours(seen) <= CORE | {"telling"}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_function_file_says_what_it_does_and_has_a_handler(path: Path) -> None:
    assert ast.get_docstring(tree(path))
    handlers = [node for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name == "handler"]
    assert len(handlers) == 1
    assert ast.get_docstring(handlers[0])


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_functions_do_not_know_each_other(path: Path) -> None:
    assert not top(imports(path)) & {handler.stem for handler in HANDLERS}


@pytest.mark.parametrize("path", [*HANDLERS, *SHARED], ids=lambda path: path.stem)
def test_functions_import_nothing_of_the_other_houses(path: Path) -> None:
    assert not top(imports(path)) & {"cli", "stage", "infra", "tests", "bench", "pydantic", "moto", "ruamel"}
    assert "aws_lambda_powertools.utilities.parser" not in imports(path)


def test_only_the_settings_read_the_environment() -> None:
    readers = {path.stem for path in [*HANDLERS, *SHARED] if names(path) & {"os.environ", "os.getenv"}}
    assert readers == {"settings"}


def test_only_the_service_slack_and_what_steps_name_are_spoken_to_over_http() -> None:
    speakers = {path.stem for path in [*HANDLERS, *SHARED] if top(imports(path)) & {"requests", "urllib3", "http"}}
    assert {name for name in speakers if not name.startswith("cloudendure")} == {
        "deciding_requests",
        "deeds",
        "notify_slack",
        "probing",
        "slack",
    }


def test_only_edges_speak_to_aws() -> None:
    speakers = {path.stem for path in [*HANDLERS, *SHARED] if "boto3" in top(imports(path))}
    assert speakers == {"clients", "store_items", "store_stream"}, "clients, the table's conditions, and its types"


def test_nothing_sleeps_in_functions() -> None:
    assert not [path for path in [*HANDLERS, *SHARED] if "time" in top(imports(path)) or "time.sleep" in names(path)]


def test_our_own_clock_is_read_in_two_places() -> None:
    readers = {path.stem for path in [*HANDLERS, *SHARED] if "datetime.now" in names(path)}
    assert readers == {"cloudendure", "step"}, "the client's fallback, and what is started before there is a service"


@pytest.mark.parametrize("path", python("infra"), ids=lambda path: path.stem)
def test_what_is_deployed_is_read_and_not_imported(path: Path) -> None:
    assert not top(imports(path)) & {"cutover", "functions", "cli", "stage", "tests", *(each.stem for each in HANDLERS)}


@pytest.mark.parametrize("path", python("cli"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_command_takes_only_the_core_and_speaks_to_apis(path: Path) -> None:
    edges = ours(imports(path)) - CLI_MAY
    assert edges == (PREFLIGHT_MAY if path == ROOT / "cli" / "preflight.py" else set())
    assert not top(imports(path)) & {"infra", "tests", *(each.stem for each in HANDLERS)}


def test_the_command_loads_the_stage_only_when_it_is_needed() -> None:
    program = "import sys, cli.main; assert not {'stage', 'moto', 'ministack', 'boto3', 'requests'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", python("stage"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_stage_takes_only_the_core(path: Path) -> None:
    assert ours(imports(path)) <= CORE
    assert not top(imports(path)) & {"tests", *(each.stem for each in HANDLERS)}


def test_no_function_does_anything_when_it_is_imported() -> None:
    """Every handler, imported with no environment and no network, and nothing of pydantic with it."""
    program = f"""
import importlib, socket, sys
def nothing(*_): raise AssertionError("something was done at import")
socket.socket.connect = nothing
sys.path[:0] = [{str(FUNCTIONS)!r}]
for name in {[path.stem for path in HANDLERS]!r}:
    importlib.import_module(name)
    assert "pydantic" not in sys.modules, name
"""
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


OURS = ("app.py", "infra", "functions", "statemachines", "cli", "stage", "plans", "tests", "docs", "bench", "README.md")
TEXTS = sorted(
    path
    for name in OURS
    for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
    if path.suffix in (".py", ".json", ".yaml", ".yml", ".md", ".toml", ".txt") and "__pycache__" not in path.parts
)
NEVER = {
    "an unfinished note": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
    "somebody's home": re.compile(r"(?<![\w.])/(?:home|Users|root|work)/[\w.-]+"),
    "a merge left half-way": re.compile(r"^(?:<{7}|>{7})", re.MULTILINE),
}


@pytest.mark.parametrize("what", NEVER)
def test_what_is_never_written(what: str) -> None:
    found = {str(path.relative_to(ROOT)): match[0] for path in TEXTS if (match := NEVER[what].search(path.read_text()))}
    assert found == {}


def test_every_module_says_what_it_is() -> None:
    folders = ("functions", "infra", "stage", "cli")
    silent = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in python(folder)
        if path.read_text().strip() and not ast.get_docstring(tree(path))
    ]
    assert silent == []
