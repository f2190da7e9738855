"""The records of decisions: invitations, and answers, which are written once."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from cutover.deciding import Via, answer_update
from cutover.invitations import Invitation, digest
from cutover.night_records import QuestionRecord
from cutover.records import RunStatus
from cutover.store_items import Items


class Decisions(Items):
    """Who may answer what, and what was answered."""

    def invite(self, id_: str, invitation: Invitation) -> None:
        """Let whoever has this id answer."""
        self._table.put_item(Item={"pk": f"INVITATION#{digest(id_)}", "sk": "-", **invitation.to_json()})

    def invited(self, id_: str) -> Invitation | None:
        """What this id is for; None: nobody gave it out, or it is forgotten."""
        item = self._find(f"INVITATION#{digest(id_)}", "-")
        return Invitation.from_json(item) if item else None

    def note_invited(self, run_id: str, question: str, asked: str, by: str) -> None:
        """Somebody was sent a link of theirs."""
        self._table.put_item(Item=_sent(run_id, question, asked, by))

    def was_invited(self, run_id: str, question: str, asked: str, by: str) -> bool:
        """Whether they were."""
        key = _sent(run_id, question, asked, by)
        return self._find(key["pk"], key["sk"]) is not None

    def take(self, signature: str, expires: int) -> bool:
        """Note that a signed request was taken; False: it was taken before."""
        return self._put_new({"pk": f"TAKEN#{digest(signature)}", "sk": "-", "expires": expires})

    def answer(
        self, run_id: str, question: QuestionRecord, by: str, yes: bool, reason: str, now: str, via: Via, saw: str
    ) -> bool:
        """Write an answer; False, and nothing written, unless the question still waits for one of theirs, as it was
        asked, and its run goes on."""
        update: Any = {
            "TableName": self._table.name,
            "Key": {"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}"},
            **answer_update(question, by, yes, reason, now, via, saw),
        }
        goes_on: Any = {
            "TableName": self._table.name,
            "Key": {"pk": f"RUN#{run_id}", "sk": "META"},
            "ConditionExpression": "#status = :running OR interrupted = :yes",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":running": RunStatus.RUNNING.value, ":yes": True},
        }
        try:
            self._table.meta.client.transact_write_items(
                TransactItems=[{"Update": update}, {"ConditionCheck": goes_on}]
            )
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", ())
            if any(each.get("Code") == "ConditionalCheckFailed" for each in reasons):
                return False
            raise
        return True


def _sent(run_id: str, question: str, asked: str, by: str) -> dict[str, str]:
    return {"pk": f"RUN#{run_id}", "sk": f"INVITED#{question}#{asked}#{by}"}
