"""What is remembered after a run: who signed a test off, what was cleaned up, what was finalized.

    PLAN#<plan>  SIGNOFF#<machine or *>#<who>  SignOff
    RUN#<run>    CLEANUP                       Aftermath: its test targets
                 FINALIZE                      Aftermath: its sources at the service

Instants are RFC 3339 strings in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cutover.finding import Finding
from cutover.plan import Mode
from cutover.records import Proof, Record

EVERY_MACHINE = "*"
"""In a SignOff: all machines whose test its runs have verified."""


@dataclass(frozen=True)
class SignOff(Record):
    """A person accepts, or rejects, the tests of one machine or of all. `machine`: the service's id, or EVERY_MACHINE.

    `runs`: those that had verified them then; a later test is not covered and asks for another word. `via`: by command,
    link or Slack; `saw`: what stood on the page, "" by command.
    """

    machine: str
    by: str
    at: str
    runs: tuple[str, ...]
    rejected: bool = False
    reason: str = ""
    via: str = "command"
    saw: str = ""

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "runs": tuple(data["runs"])}

    @property
    def key(self) -> str:
        """Its sort key."""
        return f"SIGNOFF#{self.machine}#{self.by}"

    def covers(self, proof: Proof) -> bool:
        return self.machine in (EVERY_MACHINE, proof.machine) and proof.run in self.runs


def signed(proofs: Mapping[tuple[Mode, str], Proof], words: Iterable[SignOff]) -> dict[tuple[Mode, str], Proof]:
    """The proofs with who signed each test off and who rejected it: of one person's words the last one counts."""
    ordered = sorted(words, key=lambda each: each.at)
    return {key: _signed(proof, ordered) if proof.mode is Mode.TEST else proof for key, proof in proofs.items()}


def _signed(proof: Proof, words: Iterable[SignOff]) -> Proof:
    last = {each.by: each for each in words if each.covers(proof)}
    return proof.but(
        signed=tuple(sorted(by for by, each in last.items() if not each.rejected)),
        rejected={by: each.reason for by, each in last.items() if each.rejected},
    )


class Fate(StrEnum):
    """What becomes of one machine after its run: it goes, is on its way, is gone, or stays and why is said."""

    GOES = "goes"
    GOING = "going"
    GONE = "gone"
    STAYS = "stays"


@dataclass(frozen=True)
class Remainder(Record):
    """What a run has left of one machine. `instance`: its target; `replica`: the service's id of it."""

    label: str
    machine: str | None
    instance: str | None
    replica: str | None
    fate: Fate
    findings: tuple[Finding, ...] = ()

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "fate": Fate(data["fate"]),
            "findings": tuple(Finding.from_json(each) for each in data.get("findings", ())),
        }


@dataclass(frozen=True)
class Aftermath(Record):
    """How far a clean-up or a finalizing is. `by`: who asked for it last. `job`: the service's, while it is open.

    `done`: when nothing was left to go; what stays is named in the machines' findings.
    """

    by: str
    asked: str
    looks: int = 0
    job: str | None = None
    done: str | None = None
    machines: tuple[Remainder, ...] = ()

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "machines": tuple(Remainder.from_json(each) for each in data.get("machines", ()))}
