"""What the functions' code asks of the table, the bucket and MGN, read from the code.

A function's calls are followed by name from its file into the core and edge: functions imported from `cutover`, methods
of `Step` on `here`, methods of `Store` on a store, all methods of a module's own classes, methods of `Mgn` on a
service.
What `Store` does to boto3 is an action, and so is every operation that `Mgn` names.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import botocore.session

from infra.bundle import ROOT
from infra.function_table import Thing

FUNCTIONS = ROOT / "functions"
STORE = FUNCTIONS / "cutover" / "store.py"
DYNAMODB = {
    "get_item": "GetItem",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "query": "Query",
    "batch_writer": "BatchWriteItem",
    "batch_get_item": "BatchGetItem",
}
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}
"""What an operation in a transaction needs, by its key."""
S3 = {"get_object": "GetObject", "put_object": "PutObject"}

ON_NO_RESOURCE = {"DescribeSourceServers", "DescribeJobs", "ListWaves", "ListApplications"}
"""Operations of MGN that no resource can be named for (Service Authorization Reference)."""
TAGGED = {"StartTest", "StartCutover"}
"""Operations that put tags on what they make, for which there is a right of its own."""

Body = ast.AST
Need = tuple[Thing, str]


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def _modules(file: Path) -> list[ast.Module]:
    """A module; the store with the modules that its parts are in."""
    return [_tree(each) for each in (sorted(file.parent.glob("store*.py")) if file == STORE else [file])]


@cache
def _bodies(file: Path) -> dict[str, Body]:
    """Every function of a module, and every method as `Class.method`; those of the store's parts are the store's."""
    found: dict[str, Body] = {}
    for node in (each for module in _modules(file) for each in module.body):
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            name = "Store" if file == STORE else node.name
            found |= {f"{name}.{it.name}": it for it in node.body if isinstance(it, ast.FunctionDef)}
    return found


@cache
def _methods(file: Path) -> dict[str, tuple[str, ...]]:
    """By the name of each class that a module keeps to itself, its methods: whoever makes one may call them all."""
    names = [name for name in _bodies(file) if name.startswith("_") and "." in name]
    return {
        name.split(".")[0]: tuple(each for each in names if each.split(".")[0] == name.split(".")[0]) for name in names
    }


def _file(module: str) -> Path:
    """Of a module, or of a package."""
    path = FUNCTIONS.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _imports(file: Path) -> dict[str, Path]:
    """The modules of `cutover` that a module's names come from."""
    return {
        alias.name: _file(node.module)
        for module in _modules(file)
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cutover.")
        for alias in node.names
    }


@cache
def _operations() -> frozenset[str]:
    """The names of all operations of MGN."""
    return frozenset(botocore.session.get_session().get_service_model("mgn").operation_names)


def _of_mgn(operation: str) -> set[Need]:
    thing = Thing.MGN if operation in ON_NO_RESOURCE else Thing.SOURCE_SERVERS
    return {(thing, f"mgn:{operation}")} | ({(thing, "mgn:TagResource")} if operation in TAGGED else set())


def needs(name: str) -> set[Need]:
    """The (thing, action) pairs that a function file needs of the table, the bucket and MGN."""
    file = FUNCTIONS / f"{name}.py"
    seen: set[tuple[Path, str]] = set()
    locks, mgn = FUNCTIONS / "cutover" / "locks.py", FUNCTIONS / "cutover" / "mgn.py"
    decorated = {"Step.run", "Store.count_requests"} if "@step" in file.read_text() else set()
    waits = FUNCTIONS / "cutover" / "waits.py"
    step, store = FUNCTIONS / "cutover" / "step.py", STORE
    todo = [(file, body) for body in _bodies(file)]
    todo += [(store if body.startswith("Store") else step, body) for body in decorated]
    found: set[Need] = set()
    while todo:
        where, body = todo.pop()
        if (where, body) in seen or body not in _bodies(where):
            continue
        seen.add((where, body))
        for node in ast.walk(_bodies(where)[body]):
            if isinstance(node, ast.Name) and (node.id in _bodies(where) or node.id in _methods(where)):
                todo += [(where, each) for each in (node.id, *_methods(where).get(node.id, ()))]
            elif isinstance(node, ast.Name) and node.id in _imports(where):
                todo.append((_imports(where)[node.id], node.id))
            elif isinstance(node, ast.Attribute):
                on = ast.unparse(node.value)
                if on.split(".")[-1] in ("store", "_store") or (on == "self" and body.startswith("Store.")):
                    todo.append((store, f"Store.{node.attr}"))
                elif on.split(".")[-1] == "here" or (on == "self" and body.startswith("Step.")):
                    todo.append((step, f"Step.{node.attr}"))
                elif on.split(".")[-1] == "locks" or (on == "self" and body.startswith("Locks.")):
                    todo.append((locks, f"Locks.{node.attr}"))
                elif on.split(".")[-1] == "waits" or (on == "self" and body.startswith("Waits.")):
                    todo.append((waits, f"Waits.{node.attr}"))
                elif on.split(".")[-1] == "service" or (on == "self" and body.startswith("Mgn.")):
                    todo.append((mgn, f"Mgn.{node.attr}"))
                elif on in ("self._table", "self._table.meta.client") and node.attr in DYNAMODB:
                    found.add((Thing.TABLE, f"dynamodb:{DYNAMODB[node.attr]}"))
            elif isinstance(node, ast.Constant) and where == mgn and node.value in _operations():
                found |= _of_mgn(str(node.value))
            elif isinstance(node, ast.Constant) and where in (store, locks) and node.value in TRANSACTION:
                found.add((Thing.TABLE, f"dynamodb:{TRANSACTION[node.value]}"))
        if where == store and (s3 := _s3_action(body)):
            found.add((Thing.PLANS if body.endswith("plan") else Thing.RUNS, f"s3:{s3}"))
    return found


def _s3_action(method: str) -> str | None:
    """Reading or writing an object is `_read` or `_write`; the method that calls it says which."""
    text = ast.unparse(_bodies(STORE)[method])
    return "GetObject" if "self._read(" in text else "PutObject" if "self._write(" in text else None
