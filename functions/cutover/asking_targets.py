"""Asking the targets themselves: by a function that stands in their network, and by commands inside of them.

Whoever cannot be asked is not known to be good, and not known to be bad: what went wrong is told, and the next look
asks again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover import clients
from cutover.application import (
    NOT_YET,
    PREWARM,
    as_check,
    dialled,
    followed,
    may_send,
    reader,
    under_way,
    wanted,
    with_command,
)
from cutover.guest import CommandState, Guest
from cutover.instants import text
from cutover.plan import ApplicationCheck, Look, PlannedMachine
from cutover.records import Check, GuestCommand
from cutover.verification import Sight

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

AT_ONCE = 150
"""Looks in one call of the probe: it carries out so many within its time, also when none of them is answered."""
_ANSWER = 1_000_000
_WORDS = 300


@dataclass(frozen=True)
class Looked:
    """What the probe saw; `passed` None: it could not look."""

    passed: bool | None
    words: str


class Probe:
    """The function that looks from inside of the targets' network. `place`: where that is, in words."""

    def __init__(self, function: str, place: str, client: LambdaClient | None = None) -> None:
        self._client: LambdaClient = client or clients.client("lambda")
        self._function, self._place = function, place
        self.requests: Counter[str] = Counter()

    def look(self, checks: Sequence[Mapping[str, Any]]) -> list[Looked]:
        """One answer for each, in their order."""
        rest, answers = iter(checks), []
        while some := list(islice(rest, AT_ONCE)):
            answers += self._asked(some)
        return answers

    def _asked(self, checks: Sequence[Mapping[str, Any]]) -> list[Looked]:
        self.requests["lambda Invoke"] += 1
        try:
            answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps({"checks": checks}).encode())
            said = json.loads(answer["Payload"].read(_ANSWER))
            if "FunctionError" in answer:
                return [Looked(None, f"the probe failed: {said.get('errorMessage')}"[:_WORDS])] * len(checks)
            seen = [Looked(each["passed"], str(each["seen"])) for each in said["results"]]
            return [self._from(each) for _, each in zip(checks, seen, strict=True)]
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError) as error:
            return [Looked(None, f"the probe could not be asked: {error}"[:_WORDS])] * len(checks)

    def _from(self, looked: Looked) -> Looked:
        """What is not seen may be for want of a way: from where it was looked is said with it."""
        return looked if looked.passed else Looked(looked.passed, f"{looked.words}; looked from {self._place}")


@dataclass(frozen=True)
class Asking:
    """One look at the applications of a wave's targets. `planned`: its machines by their position; `run`: its id."""

    planned: Sequence[PlannedMachine]
    probe: Probe
    guest: Guest
    now: datetime
    run: str

    def seen(self, sights: Sequence[Sight]) -> list[Sight]:
        """The sights with their applications: looked at where the target is up and not judged yet."""
        up = [each for each in sights if not each.record.judged and each.up]
        dials = list(self._dials(up))
        answers = iter(self.probe.look([dial for _, _, dial in dials])) if dials else iter(())
        looked = {(label, name): next(answers) for label, name, _ in dials}
        return [self._one(each, looked, any(each is one for one in up)) for each in sights]

    def _dials(self, sights: Sequence[Sight]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for sight in sights:
            address = _address(sight)
            for check in wanted(self.planned[sight.record.position], sight.os).checks:
                if check.look is not Look.SSM and address:
                    yield sight.record.label, check.name, dialled(check, address)

    def _one(self, sight: Sight, looked: Mapping[tuple[str, str], Looked], up: bool) -> Sight:
        planned = self.planned[sight.record.position]
        want, record = wanted(planned, sight.os), sight.record
        before = {check.name: check for check in record.checks} if record.judged else {}
        checks: list[Check] = []
        for check in want.checks:
            if not up:
                nothing = as_check(check, None, NOT_YET)
                checks.append(before.get(nothing.name, nothing))
            elif check.look is Look.SSM:
                command = self._command(sight, check, under_way(check.name, record.commands))
                record = record.but(commands=with_command(record.commands, command))
                checks.append(as_check(check, True if command.passed else None, command.words))
            else:
                seen = looked.get((record.label, check.name), Looked(None, "the target has no private address"))
                checks.append(as_check(check, seen.passed or None, seen.words))
        if up and planned.prewarm:
            record = record.but(commands=with_command(record.commands, self._prewarmed(sight)))
        return replace(sight, record=record, application=tuple(checks), not_made=want.not_made)

    def _command(self, sight: Sight, check: ApplicationCheck, command: GuestCommand) -> GuestCommand:
        """The command of a check, one look further."""
        if command.command is not None:
            command = self._followed(sight, command, check.timeout)
        if may_send(command, self.now):
            return self._sent(sight, command, check.subject, check.arguments)
        return command

    def _followed(self, sight: Sight, command: GuestCommand, timeout: int) -> GuestCommand:
        try:
            seen = self.guest.status(str(command.command), [_instance(sight)])
        except (BotoCoreError, ClientError) as error:
            return command.but(words=f"command {command.command}: {error}"[:_WORDS])
        passed = {CommandState.PENDING: None, CommandState.PASSED: True, CommandState.FAILED: False}[seen.state]
        return followed(command, passed, f"command {command.command}: {seen.words}", self.now, timeout)

    def _sent(
        self, sight: Sight, command: GuestCommand, document: str, arguments: Mapping[str, Sequence[str]]
    ) -> GuestCommand:
        """Sent, or why not: a machine that Systems Manager does not know yet is asked again, and that is no try. What
        was not answered may have been sent: that is one, and its pause is kept."""
        try:
            made = self.guest.send(document, arguments, [_instance(sight)], f"{self.run} {command.name}")
        except (BotoCoreError, ClientError) as error:
            if not clients.perhaps_done(error):
                return command.but(words=f"{document} was not sent: {error}"[:_WORDS])
            words = f"nobody knows whether {document} was sent: {error}"[:_WORDS]
            return command.but(sent=text(self.now), tries=command.tries + 1, words=words)
        return command.but(
            command=made, sent=text(self.now), tries=command.tries + 1, words=f"command {made} is sent: {document}"
        )

    def _prewarmed(self, sight: Sight) -> GuestCommand:
        """Reading its volumes through was begun, once; nobody waits for its end."""
        command, how = under_way(PREWARM, sight.record.commands), reader(sight.os)
        if command.tries:
            return command
        if how is None:
            return command.but(words="nobody says which operating system it has")
        return self._sent(sight, command, *how)


def _instance(sight: Sight) -> str:
    return sight.instance.id if sight.instance else ""


def _address(sight: Sight) -> str:
    return next(iter(sight.instance.private_ips), "") if sight.instance else ""
