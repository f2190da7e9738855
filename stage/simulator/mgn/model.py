"""MGN's operations and shapes, read from botocore's model: which a request is for, what it and an answer may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import create_loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator
from werkzeug import Request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from stage.simulator.mgn.errors import Refused, invalid

Json = dict[str, Any]


class Unmodelled(Exception):
    """The simulator was about to answer what MGN's model does not know: a mistake of the simulator's."""


@dataclass(frozen=True)
class Call:
    """A request for one of MGN's operations; `ids` are those in its path."""

    operation: OperationModel
    request: Request
    ids: dict[str, str]

    @property
    def name(self) -> str:
        """The operation's, e.g. `StartTest`."""
        return self.operation.name

    def sent(self) -> Json:
        """What was asked for, unchecked. Refused when it is no JSON object."""
        body = self.request.get_data()
        sent = self.request.get_json(force=True, silent=True) if body else {}
        if not isinstance(sent, dict):
            raise invalid("The request body must be a JSON object", reason="cannotParse")
        shape = self.operation.input_shape
        for member, described in shape.members.items() if isinstance(shape, StructureShape) else ():
            place = described.serialization.get("location")
            if place == "uri":
                sent[member] = self.ids[member]
            elif place == "querystring" and described.serialization["name"] in self.request.args:
                values = self.request.args.getlist(described.serialization["name"])
                sent[member] = values if isinstance(described, ListShape) else values[0]
        return sent

    def asked(self) -> Json:
        """The same, as the model has it. Refused when it is not."""
        sent = self.sent()
        wrong = faults_of(sent, self.operation.input_shape)
        if wrong:
            raise invalid("; ".join(wrong))
        return sent

    def answered(self, answer: Json) -> Json:
        """The answer as the model has it, what is None left out. Unmodelled when it is not."""
        known: Json = _known(answer)
        wrong = faults_of(known, self.operation.output_shape)
        if wrong:
            raise Unmodelled(f"{self.name}: {'; '.join(wrong)}")
        return known

    def may_say(self, error: str) -> bool:
        """Whether the model lists this error for the operation."""
        return any(shape.name == error for shape in self.operation.error_shapes)


@cache
def service() -> ServiceModel:
    """botocore's model of MGN."""
    return ServiceModel(create_loader().load_service_model("mgn", "service-2"), "mgn")


def call_of(request: Request) -> Call | None:
    """The operation that a request is for; None if it is for none of MGN's."""
    path = "/" + request.path.strip("/")
    try:
        name, ids = _routes().bind("", path_info=path, default_method=request.method).match()
    except HTTPException:
        return None
    return Call(service().operation_model(name), request, dict(ids))


def faults_of(value: Json, shape: Shape | None) -> list[str]:
    """What the model has against a value, one sentence each."""
    if shape is None:
        return [f"Unknown parameter: {name}" for name in value]
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        return str(report.generate_report()).splitlines()
    return list(_beyond(value, shape, ""))


def _beyond(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """What botocore leaves to the service: upper limits, patterns and closed lists of words."""
    limit, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    size = value if isinstance(value, int) else len(value) if isinstance(value, (str, list, dict)) else 0
    if limit is not None and size > limit:
        yield f"Invalid length or value for parameter {where}, value: {size}, valid max: {limit}"
    if isinstance(value, str) and pattern is not None and not re.fullmatch(pattern, value):
        yield f"Invalid value for parameter {where}: {value!r} does not match {pattern}"
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield f"Invalid value for parameter {where}: {value!r} is none of {', '.join(allowed)}"
    if isinstance(shape, StructureShape):
        for name, one in value.items():
            yield from _beyond(one, shape.members[name], f"{where}.{name}".strip("."))
    elif isinstance(shape, ListShape):
        for number, one in enumerate(value):
            yield from _beyond(one, shape.member, f"{where}[{number}]")
    elif isinstance(shape, MapShape):
        for name, one in value.items():
            yield from _beyond(name, shape.key, f"{where} key {name}")
            yield from _beyond(one, shape.value, f"{where}.{name}")


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items() if one is not None}
    return [_known(one) for one in value] if isinstance(value, list) else value


@cache
def _routes() -> Map:
    rules = []
    for name in service().operation_names:
        http = service().operation_model(name).http
        path = re.sub(r"{(\w+)}", r"<path:\1>", http["requestUri"])
        rules.append(Rule(path, endpoint=name, methods=[http["method"]]))
    return Map(rules, merge_slashes=False)


__all__ = ["Call", "Json", "Refused", "Unmodelled", "call_of", "faults_of", "service"]
