"""What outlasts a run: what its plan has verified, cut over and taken back, and what became of all that it left."""

from __future__ import annotations

from collections.abc import Iterable

from botocore.exceptions import ClientError

from cutover.after_records import Aftermath, SignOff, signed
from cutover.plan import Mode
from cutover.records import Proof, RolledBack
from cutover.store_items import Items, condition_failed


class Memory(Items):
    """By plan and machine what opens or closes the gate of its next run; by run what came after it."""

    def proofs(self, plan: str) -> dict[tuple[Mode, str], Proof]:
        """What runs of a plan have verified, by mode and machine id, with who signed each test off."""
        proofs = [Proof.from_json(item) for item in self._query(f"PLAN#{plan}", "VERIFIED#")]
        return signed({(proof.mode, proof.machine): proof for proof in proofs}, self.sign_offs(plan))

    def sign_offs(self, plan: str) -> list[SignOff]:
        """What people have said of the plan's tests, in order."""
        items = self._query(f"PLAN#{plan}", "SIGNOFF#")
        return sorted((SignOff.from_json(item) for item in items), key=lambda each: (each.at, each.by))

    def signed_off(self, plan: str, machine: str, by: str) -> SignOff | None:
        """What this person said last of the plan's tests of a machine, or of all."""
        item = self._find(f"PLAN#{plan}", SignOff(machine, by, "", ()).key)
        return SignOff.from_json(item) if item else None

    def sign_off_once(self, plan: str, word: SignOff) -> bool:
        """Write what somebody says of one run's tests; False, and nothing written, where they have said it of that."""
        item = {"pk": f"PLAN#{plan}", "sk": word.key, **word.to_json()}
        try:
            self._table.put_item(
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR NOT contains(runs, :run)",
                ExpressionAttributeValues={":run": word.runs[0]},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def record_proofs(self, plan: str, proofs: Iterable[Proof]) -> None:
        with self._table.batch_writer() as batch:
            for proof in proofs:
                sk = f"VERIFIED#{proof.mode}#{proof.machine}"
                batch.put_item(Item={"pk": f"PLAN#{plan}", "sk": sk, **proof.to_json()})

    def rolled_back(self, plan: str) -> dict[str, RolledBack]:
        """By machine id, the cutovers of this plan that were taken back last."""
        found = (RolledBack.from_json(item) for item in self._query(f"PLAN#{plan}", "ROLLEDBACK#"))
        return {each.machine: each for each in found}

    def record_rollbacks(self, plan: str, rollbacks: Iterable[RolledBack]) -> None:
        with self._table.batch_writer() as batch:
            for each in rollbacks:
                batch.put_item(Item={"pk": f"PLAN#{plan}", "sk": f"ROLLEDBACK#{each.machine}", **each.to_json()})

    def aftermath(self, run_id: str, what: str) -> Aftermath | None:
        """How far the run's CLEANUP or FINALIZE is; None before it was asked for."""
        item = self._find(f"RUN#{run_id}", what)
        return Aftermath.from_json(item) if item else None

    def write_aftermath(self, run_id: str, what: str, aftermath: Aftermath) -> None:
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": what, **aftermath.to_json()})
