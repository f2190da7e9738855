"""The second opinion on every ASL file: moto's interpreter, in process, with our handlers behind its Lambda tasks.

moto's interpreter comes without a JSONata evaluator, sleeps for real, and knows neither start_execution's parameter
names nor Lambda without Docker. Each patch below is one of these and touches moto's internals, which is why moto is
pinned exactly. `Wait` moves the test's clock instead of sleeping, and so does a task that waits for its token; nothing
here sleeps.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]  # it comes without types
from boto3.dynamodb.transform import TransformationInjector
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.model import OperationModel
from jsonata import Jsonata  # type: ignore[import-untyped]  # it comes without types
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.serialize import ResponseSerializer
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.dynamodb.responses import DynamoHandler
from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
    SyntaxErrorListener,
)
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from werkzeug.exceptions import HTTPException

from stage.aws.ec2 import screenshots

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
ACCOUNT = "123456789012"
DEADLINE = 120.0
"""Real seconds after which a workflow that does not end is given up: nothing may hang the suite."""
BIT = 10
"""Seconds that a task which waits for its token lets pass at a time."""

Handler = Callable[[dict[str, Any]], Any]


class FunctionFailed(Exception):
    """When a handler raised: carries what Lambda would answer."""


class Workflows:
    """The project's state machines, created from their files with every placeholder filled in."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._handlers = handlers
        self._client = boto3.client("stepfunctions", region_name=REGION)
        self.wave = self._create("wave", {})
        self.plan = self._create("plan", {"WaveMachine": self.wave})

    def _create(self, name: str, arns: dict[str, str]) -> str:
        definition = (ROOT / "statemachines" / f"{name}.asl.json").read_text()
        filled = re.sub(r"\$\{(\w+)\}", lambda match: arns.get(match[1], match[1]), definition)
        role = f"arn:aws:iam::{ACCOUNT}:role/workflow"
        return str(self._client.create_state_machine(name=name, definition=filled, roleArn=role)["stateMachineArn"])

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """What a Lambda task calls."""
        self.calls.append((function, event))
        return self._handlers[function](event)

    def start(self, machine: str, name: str, given: dict[str, Any]) -> str:
        started = self._client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
        return str(started["executionArn"])

    def stop(self, execution: str) -> None:
        self._client.stop_execution(executionArn=execution, error="Stopped", cause="by an operator")

    def stop_all(self) -> None:
        """Stop every execution that runs."""
        for machine in (self.plan, self.wave):
            for each in self._client.list_executions(stateMachineArn=machine)["executions"]:
                if each["status"] == "RUNNING":
                    self.stop(each["executionArn"])

    def ended(self, machine: str) -> list[dict[str, Any]]:
        """Every execution of a state machine, as described."""
        listed = self._client.list_executions(stateMachineArn=machine)["executions"]
        return [dict(self._client.describe_execution(executionArn=each["executionArn"])) for each in listed]

    def wait(self, execution: str) -> dict[str, Any]:
        """The execution once it has ended."""
        until = time.monotonic() + DEADLINE
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        while backend.describe_execution(execution).status == "RUNNING":
            if time.monotonic() > until:
                raise AssertionError(f"still running after {DEADLINE} s; last calls: {self.calls[-6:]}")
            time.sleep(0.01)
        return dict(self._client.describe_execution(executionArn=execution))

    def wait_for_all(self) -> None:
        """Until every execution has ended, also those that begin while this waits for others."""
        waited: set[str] = set()
        while new := {each for machine in (self.plan, self.wave) for each in self._executions(machine)} - waited:
            for execution in sorted(new):
                self.wait(execution)
            waited |= new

    def _executions(self, machine: str) -> list[str]:
        listed = self._client.list_executions(stateMachineArn=machine)["executions"]
        return [each["executionArn"] for each in listed]

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Its events, with what went into every state and came out of it."""
        pages = self._client.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [dict(event) for page in pages for event in page["events"]]

    def states(self, execution: str) -> list[str]:
        """The names of the states it entered, in order."""
        entered = (event for event in self.history(execution) if event["type"].endswith("StateEntered"))
        return [event["stateEnteredEventDetails"]["name"] for event in entered]


@contextmanager
def aws() -> Iterator[None]:
    """moto's AWS with its state machine interpreter; no credentials of anybody's, no network.

    Making a client costs more than using it: they are kept, for moto keeps its data elsewhere.
    """
    screenshots()
    settings: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with (
        patch.dict(os.environ, {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}),
        patch.object(boto3, "client", _client),
        patch.object(boto3, "resource", _resource),
        patch.object(ResponseSerializer, "_serialize", _serialize),
        patch.object(DynamoHandler, "call_action", _one_at_a_time(DynamoHandler.call_action)),
        patch.object(TransformationInjector, "inject_condition_expressions", _one_at_a_time(_inject)),
        patch("moto.core.responses.method_names_from_class", functools.cache(method_names_from_class)),
        patch.object(lambda_eval_utils, "boto_client_for", _moto_client),
        patch.object(state_task_service_sfn, "boto_client_for", _moto_client),
        mock_aws(config=settings),
    ):
        yield


@functools.cache
def _session(region: str) -> boto3.Session:
    return boto3.Session(aws_access_key_id="stage", aws_secret_access_key="stage", region_name=region)


def _client(service: Any, region_name: str = REGION, config: Any = None) -> Any:
    if service == "mgn":  # served by a simulator of each test's own, and what is sent once must be sent once
        return _session(region_name).client(service, config=config)
    return _made(service, region_name)


@functools.cache
def _made(service: Any, region: str) -> Any:
    made = _session(region).client(service)
    if service == "dynamodb":
        made.meta.events.register_last("before-call.dynamodb", _answered)
    return made


@functools.cache
def _resource(service: Any) -> Any:
    made = _session(REGION).resource(service)
    if service == "dynamodb":
        made.meta.client.meta.events.register_last("before-call.dynamodb", _answered)
    return made


def _answered(model: OperationModel, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, Any] | None:
    """moto's own answer, which botocore would have it write down as HTTP and would read again: a fifth of what a night
    costs. What moto refuses goes the long way, for the words that a refusal comes with."""
    handler = DynamoHandler()
    handler.current_account, handler.region, handler.headers = ACCOUNT, REGION, params["headers"]
    handler.body = handler.params = json.loads(params["body"])
    try:
        with _TABLE:
            result = getattr(handler, camelcase_to_underscores(model.name))()
    except (ServiceException, HTTPException):
        return None
    if not isinstance(result, ActionResult):
        raise TypeError(f"moto answers {model.name} with {type(result).__name__}; it is pinned for this reason")
    answer: Any = result.result
    metadata = {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RequestId": "", "RetryAttempts": 0}
    return AWSResponse(params["url"], 200, HTTPHeaders(), None), {**answer, "ResponseMetadata": metadata}


_TABLE = threading.RLock()
"""DynamoDB writes an item as one; moto reads, changes and puts back, and of two threads one would lose its change.
boto3's resource writes every condition with one builder; in an account each function has a resource of its own."""

_inject = TransformationInjector.inject_condition_expressions


def _one_at_a_time(does: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*given: Any, **more: Any) -> Any:
        with _TABLE:
            return does(*given, **more)

    return locked


def _moto_client(region: str, service: str, **_: Any) -> Any:
    return _client(service, region)


@functools.cache
def _tree(definition: str) -> Any:
    """The syntax tree of a state machine: reading one takes longer than carrying it out, and it is always the same."""
    parser = ASLParser(CommonTokenStream(ASLLexer(InputStream(definition))))
    parser.removeErrorListeners()
    errors = SyntaxErrorListener()  # type: ignore[no-untyped-call]  # moto has no types here
    parser.addErrorListener(errors)
    tree = parser.state_machine()  # type: ignore[no-untyped-call]  # generated code without types
    if errors.errors:
        raise ASLParserException(errors=errors.errors)
    return tree


def _parse(definition: str) -> Any:
    tree = _tree(definition)
    return Preprocessor().visit(tree), tree


_validate = functools.cache(StepFunctionsParserBackend._validate_definition)
"""The same file is as right the second time."""


@contextmanager
def interpreting(workflows: Callable[[], Workflows], waited: Callable[[float], None]) -> Iterator[Workflows]:
    """Run state machines inside `aws()`. `waited`: told the seconds of every Wait, of every pause before a retry, and
    bit by bit of every task that waits for its token."""
    machines: list[Workflows] = []

    def invoke(
        _: LambdaSimpleBackend, function_name: str, qualifier: str | None, body: Any, headers: Any, answered: Any
    ) -> bytes:
        try:
            return json.dumps(machines[0].invoke(function_name.rsplit(":", 1)[-1], json.loads(body))).encode()
        except Exception as error:  # noqa: BLE001  # whatever a handler raises, Lambda answers with
            answered["x-amz-function-error"] = "Unhandled"
            return json.dumps(
                {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
            ).encode()

    def wait(self: WaitFunction, env: Any, wait_seconds: int) -> None:
        waited(wait_seconds)

    by_the_clock: Any = StateTaskServiceCallback._eval_wait_for_task_token

    def sleep(
        self: StateTaskServiceCallback, env: Any, timeout_seconds: int, callback_endpoint: Any, **more: Any
    ) -> Any:
        if self.resource.condition != ResourceCondition.WaitForTaskToken:  # a child's parent listens for a token, too
            return by_the_clock(self, env, timeout_seconds, callback_endpoint, **more)
        slept = 0
        while callback_endpoint.get_outcome() is None and slept < timeout_seconds and env.is_running():
            bit = min(BIT, timeout_seconds - slept)
            waited(bit)
            slept += bit
        return callback_endpoint.get_outcome() or CallbackOutcomeTimedOut(callback_endpoint.callback_id)

    with (
        patch.object(LambdaSimpleBackend, "invoke", invoke),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parse)),
        patch.object(StepFunctionsParserBackend, "_validate_definition", staticmethod(_validate)),
        patch.object(moto_jsonata, "_eval_jsonata", _evaluate),
        patch.object(states, "encode_jsonata_variable_declarations", _declare),
        patch.object(variable_store, "encode_jsonata_variable_declarations", _declare),
        patch.object(StateTaskService, "_normalise_parameters", _lower_keys),
        patch.object(StateTaskService, "_normalise_response", _upper_keys),
        patch.object(WaitFunction, "_wait_interval", wait),
        patch.object(retrier_decl, "time", _Pauses(waited)),
        patch.object(StateTaskServiceCallback, "_eval_wait_for_task_token", sleep),
        patch.object(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.05),
    ):
        machines.append(workflows())
        yield machines[0]


def _serialize(self: ResponseSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """moto would look for each of an attribute's ten possible types under nine names, and spend half of a night's time
    on it: an attribute of the table is written as it is sent."""
    if shape.name == "AttributeValue" and type(value) is dict:
        self._default_serialize(serialized, value, shape, key)
    else:
        _SERIALIZE(self, serialized, value, shape, key)


_SERIALIZE = ResponseSerializer._serialize


class _Pauses:
    def __init__(self, waited: Callable[[float], None]) -> None:
        self.sleep = waited


def _evaluate(expression: str) -> Any:
    """One JSONata expression; an undefined result is the error that Step Functions makes of it."""
    try:
        value = Jsonata.jsonata(expression).evaluate(None)
        undefined = value is None and not Jsonata.jsonata(f"$exists({expression})").evaluate(None)
    except Exception as error:
        raise moto_jsonata.JSONataException("UNKNOWN", str(error)) from error
    if undefined:
        raise moto_jsonata.JSONataException("UNDEFINED", f"{expression} did not return a result")
    return value


def _declare(bindings: dict[str, Any]) -> str:
    # The context object holds the start time as a datetime.
    return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())


def _lower_keys(self: StateTaskService, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    """StateMachineArn → stateMachineArn, as boto3 wants it; Lambda's parameters are spelled the same on both sides."""
    if "StateMachineArn" in parameters:
        given = dict(parameters)
        parameters.clear()
        parameters.update({key[0].lower() + key[1:]: value for key, value in given.items()})
        parameters.setdefault("name", str(uuid.uuid4()))  # moto would call every child None
        if not isinstance(parameters.get("input"), str):
            parameters["input"] = json.dumps(parameters.get("input", {}))


def _upper_keys(self: StateTaskService, response: Any, *_: Any, **__: Any) -> None:
    if isinstance(response, dict) and "executionArn" in response:
        given = dict(response)
        response.clear()
        response.update({key[0].upper() + key[1:]: value for key, value in given.items() if key != "ResponseMetadata"})


def load_handlers() -> dict[str, Handler]:
    """Every function of functions/, by its placeholder's name, called as Lambda calls it."""
    return {_camel(path.stem): _caller(path.stem) for path in sorted((ROOT / "functions").glob("*.py"))}


def _caller(module: str) -> Handler:
    def call(event: dict[str, Any]) -> Any:
        return importlib.import_module(module).handler(event, Context())

    return call


class Context:
    """What Lambda hands a function beside the event."""

    function_name = "function"
    memory_limit_in_mb = 256
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
