"""Which waves listen for events of their service, and the tokens of those that wait: few, in one place of the table.

    WAITING  <run>#<wave>  {groups, heard: what came since the look began, token: of the task that waits, expires}

A wave is put there before each look and taken out when it is closed; one whose execution died is forgotten after KEPT.
Every write is one of an attribute of its own, and answers with the whole: whoever writes last sees that all is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cutover import clients
from cutover.errors import RunNotFound
from cutover.waking import Groups, Heard, Listening

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_dynamodb.service_resource import Table

KEPT = 2 * 86400
"""Seconds after its last look that a wave is forgotten: longer than any wait between two of them."""
_PLACE = "WAITING"


class Waits:
    """The waves of this deployment that listen."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def open(cls, table: str) -> Waits:
        """Those of this deployment, by the table's name."""
        return cls(clients.table(table))

    def listen(self, run: str, wave: int, now: datetime) -> None:
        """Note what is heard from now on; the look that follows sees all that came before. `now`: by our own clock,
        which the table forgets by."""
        expires = int(now.timestamp()) + KEPT
        self._table.put_item(Item={**_key(run, wave), "run": run, "wave": wave, "expires": expires})

    def expect(self, run: str, wave: int, groups: Groups) -> None:
        """Wake the wave once all of one group was heard."""
        self._set(run, wave, "groups", [sorted(group) for group in groups])

    def hold(self, run: str, wave: int, token: str) -> Listening:
        """A task waits by this token; what was heard until now. RunNotFound where nothing listens."""
        return self._set(run, wave, "token", token)

    def listening(self) -> list[Listening]:
        """All that listen."""
        asked: Any = {
            "KeyConditionExpression": "pk = :place",
            "ExpressionAttributeValues": {":place": _PLACE},
            "ConsistentRead": True,
        }
        answer = self._table.query(**asked)
        items = answer["Items"]
        while "LastEvaluatedKey" in answer:
            answer = self._table.query(**asked, ExclusiveStartKey=answer["LastEvaluatedKey"])
            items += answer["Items"]
        return [_read(item) for item in items]

    def hear(self, wave: Listening, heard: Heard) -> Listening:
        """Note what was heard; the wave as it is then. RunNotFound when it listens no more."""
        return self._update(wave.run, wave.wave, "ADD heard :value", {":value": {heard.word}})

    def wake(self, wave: Listening) -> None:
        """Its task was answered: the token is of no use to anybody any more."""
        try:
            self._update(wave.run, wave.wave, "REMOVE #name", {":token": wave.token}, "#name = :token", name="token")
        except RunNotFound:  # somebody else has answered it, or another task waits by now
            return

    def forget(self, run: str, wave: int) -> None:
        """It waits no more."""
        self._table.delete_item(Key=_key(run, wave))

    def _set(self, run: str, wave: int, name: str, value: Any) -> Listening:
        return self._update(run, wave, "SET #name = :value", {":value": value}, name=name)

    def _update(
        self,
        run: str,
        wave: int,
        expression: str,
        values: dict[str, Any],
        condition: str = "attribute_exists(pk)",
        name: str = "",
    ) -> Listening:
        names: Any = {"ExpressionAttributeNames": {"#name": name}} if name else {}
        try:
            answer = self._table.update_item(
                Key=_key(run, wave),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                **names,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise RunNotFound(f"wave {wave} of run {run} does not listen for this") from error
        return _read(answer["Attributes"])


def _key(run: str, wave: int) -> dict[str, str]:
    return {"pk": _PLACE, "sk": f"{run}#{wave:03}"}


def _read(item: Any) -> Listening:
    groups: Iterable[Iterable[str]] = item.get("groups", ())
    token = item.get("token")
    return Listening(
        run=str(item["run"]),
        wave=int(item["wave"]),
        groups=tuple(frozenset(group) for group in groups),
        heard=frozenset(item.get("heard", ())),
        token=None if token is None else str(token),
    )
