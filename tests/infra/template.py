"""The synthesized template, with the questions that the tests ask of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.bundle import ROOT

Json = dict[str, Any]
FUNCTION_FILES = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))


class Template:
    """A CloudFormation template as JSON."""

    def __init__(self, file: Path) -> None:
        self.text = file.read_text()
        self.json: Json = json.loads(self.text)

    def of(self, kind: str) -> dict[str, Json]:
        """The resources of a type (`Lambda::Function`), by logical id."""
        return {id_: it for id_, it in self.json["Resources"].items() if it["Type"] == f"AWS::{kind}"}

    def only(self, kind: str) -> str:
        """The logical id of the one resource of a type."""
        (id_,) = self.of(kind)
        return id_

    def properties(self, id_: str) -> Json:
        properties: Json = self.json["Resources"][id_]["Properties"]
        return properties

    def function(self, name: str) -> str:
        """The logical id of the function that a file of functions/ makes."""
        (id_,) = (id_ for id_ in self.of("Lambda::Function") if self.file_of(id_) == name)
        return id_

    def file_of(self, function: str) -> str:
        handler: str = self.properties(function)["Handler"]
        return handler.removesuffix(".handler")

    def machine(self, name: str) -> str:
        """The logical id of a state machine, `Plan` or `Wave`."""
        (id_,) = (id_ for id_ in self.of("StepFunctions::StateMachine") if f"{name}Machine" in id_)
        return id_

    def rights(self, role: str) -> set[tuple[str, str]]:
        """Every (action, resource) that the policies of a role allow; the resource as JSON text."""
        return {
            (action, json.dumps(resource, sort_keys=True))
            for policy in self.of("IAM::Policy").values()
            if {"Ref": role} in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            for action in many(statement["Action"])
            for resource in many(statement["Resource"])
        }

    def rights_of(self, id_: str) -> set[tuple[str, str]]:
        """`rights`, of a function or a state machine."""
        properties = self.properties(id_)
        role: str = (properties.get("Role") or properties["RoleArn"])["Fn::GetAtt"][0]
        return self.rights(role)


def arn(id_: str) -> Json:
    return {"Fn::GetAtt": [id_, "Arn"]}


def many(value: Any) -> list[Any]:
    """CloudFormation writes a list of one without the list."""
    return value if isinstance(value, list) else [value]


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
