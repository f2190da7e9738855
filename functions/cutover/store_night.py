"""The records of a night: how far it is, its steps, what people were asked and what they want."""

from __future__ import annotations

from botocore.exceptions import ClientError

from cutover.errors import AwsUnavailable
from cutover.night_records import Closed, NightRecord, Order, Part, QuestionRecord, StepRecord, StepState
from cutover.records import whole
from cutover.store_items import Items, condition_failed


class Nights(Items):
    """What is written between closing the doors and opening them."""

    def night(self, run_id: str) -> NightRecord:
        """How far the run's night is; a fresh one before anything was written."""
        item = self._find(f"RUN#{run_id}", "NIGHT")
        return NightRecord.from_json(item) if item else NightRecord()

    def write_night(self, run_id: str, night: NightRecord) -> NightRecord:
        """Write the night over the version it was read in, and give back the next; AwsUnavailable, and nothing
        written, when somebody else has written it since."""
        written = night.but(version=night.version + 1)
        if not self._replace(f"RUN#{run_id}", "NIGHT", written.to_json(), night.version):
            raise AwsUnavailable(f"the night of run {run_id} had two writers at once")
        return written

    def steps(self, run_id: str, part: Part) -> list[StepRecord]:
        """Those of a part that have begun, in order."""
        items = self._query(f"RUN#{run_id}", f"STEP#{part}#")
        return sorted((StepRecord.from_json(item) for item in items), key=lambda each: each.number)

    def write_step(self, run_id: str, record: StepRecord) -> None:
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()})

    def note_closed(self, run_id: str) -> None:
        """Put the run among those whose users nobody serves: they are watched for silence."""
        self._put_new({"pk": "CLOSED", "sk": run_id, **Closed(run_id).to_json()})

    def note_served(self, run_id: str) -> None:
        """Somebody serves the run's users again, or it has ended and said who does not."""
        self._table.delete_item(Key={"pk": "CLOSED", "sk": run_id})

    def closed_runs(self) -> list[Closed]:
        """The runs whose users nobody serves."""
        return [Closed.from_json(item) for item in self._query("CLOSED")]

    def note_watched(self, watched: Closed) -> None:
        """Write what was seen of such a run; nothing when somebody serves its users by now."""
        self._put_if({"pk": "CLOSED", "sk": watched.run, **watched.to_json()}, "attribute_exists(pk)")

    def begin_step(self, run_id: str, record: StepRecord) -> bool:
        """Write that a step begins; False, and nothing written, when it has begun before."""
        return self._put_if(
            {"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()}, "attribute_not_exists(pk)"
        )

    def advance_step(self, run_id: str, record: StepRecord, *, since: StepState) -> bool:
        """Write how a step stands now; False, and nothing written, unless it still is in `since`."""
        return self._put_over({"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()}, since.value)

    def question(self, run_id: str, name: str) -> QuestionRecord | None:
        item = self._find(f"RUN#{run_id}", f"QUESTION#{name}")
        return QuestionRecord.from_json(item) if item else None

    def questions(self, run_id: str) -> list[QuestionRecord]:
        """In the order they were asked."""
        items = self._query(f"RUN#{run_id}", "QUESTION#")
        return sorted((QuestionRecord.from_json(item) for item in items), key=lambda each: (each.asked, each.name))

    def ask(self, run_id: str, question: QuestionRecord) -> QuestionRecord:
        """Ask, once: the question as it stands, which may have been asked before."""
        self._put_new({"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}", **question.to_json()})
        return self.question(run_id, question.name) or question

    def ask_again(self, run_id: str, question: QuestionRecord) -> None:
        """Put a question in the place of one that was closed."""
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}", **question.to_json()})

    def close_question(self, run_id: str, name: str) -> QuestionRecord:
        """Let no answer count from now on; the question as it stood then."""
        answer = self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{name}"},
            UpdateExpression="SET closed = :true",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":true": True},
            ReturnValues="ALL_NEW",
        )
        return QuestionRecord.from_json(whole(answer["Attributes"]))

    def count_look(self, run_id: str, question: QuestionRecord) -> None:
        """Note that it was looked whether anybody has answered; an answer that comes meanwhile stays."""
        self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}"},
            UpdateExpression="SET looks = :looks",
            ExpressionAttributeValues={":looks": question.looks + 1},
        )

    def set_aside(self, run_id: str, question: QuestionRecord) -> None:
        """Keep a question that is closed under another name, so that it can be asked anew."""
        earlier = sum(each.name.startswith(f"{question.name}.") for each in self.questions(run_id))
        self.ask(run_id, question.but(name=f"{question.name}.{earlier + 1}"))
        self._table.delete_item(Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}"})

    def order(self, run_id: str) -> Order | None:
        """What an operator wants done, if anything."""
        item = self._find(f"RUN#{run_id}", "ORDER")
        return Order.from_json(item) if item else None

    def take_order(self, run_id: str, order: Order) -> None:
        """Take an order off the table once it is carried out; a newer one stays."""
        try:
            self._table.delete_item(
                Key={"pk": f"RUN#{run_id}", "sk": "ORDER"},
                ConditionExpression="#at = :at AND #wish = :wish",
                ExpressionAttributeNames={"#at": "at", "#wish": "wish"},
                ExpressionAttributeValues={":at": order.at, ":wish": order.wish.value},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise


def _step(record: StepRecord) -> str:
    return f"STEP#{record.part}#{record.number:02}"
