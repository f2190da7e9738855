"""How every command that speaks to AWS is given: --profile, --region, --json, and what AWS refuses said in words."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Annotated, Any

import typer

from cli import command as words

Profile = Annotated[str | None, typer.Option("--profile", help="Of the AWS configuration.", show_default=False)]
Region = Annotated[str | None, typer.Option("--region", help="Of AWS.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For machines: one object, on standard output.")]
OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "profile": (Profile, None),
    "region": (Region, None),
    "as_json": (AsJson, False),
}

NEEDED: Mapping[str, tuple[str, str]] = {
    "cloudformation:DescribeStacks": ("DescribeStacks", "find what is deployed"),
    "dynamodb:GetItem": ("GetItem", "read plans and runs"),
    "dynamodb:Query": ("Query", "read plans and runs"),
    "dynamodb:PutItem": ("PutItem", "write down versions of plans, sign-offs and orders"),
    "dynamodb:UpdateItem": ("UpdateItem", "write down answers, and whether a plan is watched"),
    "dynamodb:DeleteItem": ("DeleteItem", "remove a plan"),
    "dynamodb:ConditionCheckItem": ("TransactWriteItems", "write an answer or an order once, or not at all"),
    "s3:PutObject": ("PutObject", "store a compiled plan"),
    "s3:GetObject": ("GetObject", "read plans, evidence and job logs"),
    "s3:ListBucket": ("ListObjectsV2", "find what runs have left"),
    "events:PutEvents": ("PutEvents", "request a run"),
    "lambda:InvokeFunction": ("Invoke", "start a run, clean up, or finalize"),
    "scheduler:CreateSchedule": ("CreateSchedule", "schedule a plan"),
    "scheduler:UpdateSchedule": ("UpdateSchedule", "schedule a plan anew"),
    "scheduler:DeleteSchedule": ("DeleteSchedule", "take schedules away"),
    "iam:PassRole": ("PassRole", "give schedules the role by which they call"),
    "states:DescribeExecution": ("DescribeExecution", "see whether a run is carried out"),
    "states:GetExecutionHistory": ("GetExecutionHistory", "count what a run cost"),
    "ec2:DescribeInstances": ("DescribeInstances", "look for what launches left behind"),
    "ec2:DescribeVolumes": ("DescribeVolumes", "look for what launches left behind"),
}
"""What whoever gives these commands must be allowed: the IAM action, boto3's operation, and what for.

`preflight` of a plan looks at more; it names what it may not look at, and goes on without (docs/deploy.md).
"""

_DENIED = ("AccessDenied", "Unauthorized", "NotAuthorized")
_NAMED = re.compile(r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?")
_EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)


def for_machines(does: Callable[..., None]) -> Callable[..., None]:
    """The command with --json: it prints one object, its own where it takes `as_json`; else {done, said: [line]} and
    what it noted. What it refuses is {done: false, error}, with the same exit code."""
    return _given(does, ("as_json",))


def speaks_aws(does: Callable[..., None]) -> Callable[..., None]:
    """The same with --profile and --region."""
    return _given(does, tuple(OPTIONS))


def _given(does: Callable[..., None], names: tuple[str, ...]) -> Callable[..., None]:
    signature = inspect.signature(does, eval_str=True)
    own = set(names) & set(signature.parameters)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in OPTIONS.items()
        if name in names and name not in own
    ]

    @wraps(does)
    def given(*arguments: Any, **options: Any) -> None:
        asked = {name: options.get(name) for name in OPTIONS}
        passed = {name: value for name, value in options.items() if name not in OPTIONS or name in own}
        with words.spoken(as_json=bool(asked["as_json"])) as speech:
            try:
                with _in_words(), _session(asked["profile"], asked["region"]):
                    does(*arguments, **passed)
            except typer.Exit as ended:
                _print(speech, own, done=not ended.exit_code)
                raise
            _print(speech, own, done=True)

    vars(given)["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), *more])
    return given


def in_words(error: Exception) -> str:
    """What AWS, or the way to it, refuses, and what to do about it. `error`: botocore's."""
    from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

    if isinstance(error, NoCredentialsError):
        return "no credentials for AWS are set; use --profile, or the usual AWS variables"
    if isinstance(error, NoRegionError):
        return "no AWS region is set; use --region, or AWS_REGION"
    if isinstance(error, ProfileNotFound):
        return f"{error}; --profile names one of the AWS configuration"
    if not isinstance(error, ClientError):
        return f"AWS cannot be spoken to: {error}"
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    if code in _EXPIRED:
        return f"the credentials for AWS are expired or wrong ({code}); log in anew"
    if any(each in code for each in _DENIED):
        return _denied(error.operation_name, message)
    return f"AWS did not take it: {error}"


def _denied(operation: str, message: str) -> str:
    """A missing permission by its IAM action: as AWS names it, else by the operation."""
    named = _NAMED.search(message)
    by_operation = {needs: action for action, (needs, _) in NEEDED.items()}
    action = named["action"] if named else by_operation.get(operation, operation)
    purpose = NEEDED.get(action, ("", ""))[1]
    where = f" on {named['resource']}" if named and named["resource"] else ""
    return (
        f"not permitted: {action}{where}" + (f", to {purpose}" if purpose else "") + "; allow it to whoever gives "
        "this command. docs/deploy.md has all that commands need"
    )


@contextmanager
def _session(profile: str | None, region: str | None) -> Iterator[None]:
    """boto3's default session, by these options, for as long as one command takes."""
    if not (profile or region):
        yield
        return
    import boto3  # the commands that speak to nobody start without it

    before = boto3.DEFAULT_SESSION
    boto3.setup_default_session(profile_name=profile, region_name=region)
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = before


@contextmanager
def _in_words() -> Iterator[None]:
    """What botocore raises is said, and ends the command with 1."""
    try:
        yield
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # only now: not every command brings it along

        if isinstance(error, (BotoCoreError, ClientError)):
            words.fail(in_words(error))
        raise


def _print(speech: words.Speech, own: set[str], *, done: bool) -> None:
    """One object for machines, unless the command has printed its own."""
    if not speech.as_json or ("as_json" in own and speech.error is None):
        return
    document: dict[str, Any] = {"done": done, **speech.noted, "said": speech.said}
    if speech.error is not None:
        document["error"] = speech.error
    typer.echo(json.dumps(document, indent=2, default=str))
