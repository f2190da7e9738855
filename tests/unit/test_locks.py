"""Locks: taken all or none, gone with their owner's lease, and never two owners at once."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from cutover.errors import AwsUnavailable
from cutover.locks import BATCH, Holder, Locks, machine_lock, project_lock
from cutover.opening import locked
from cutover.records import MachineRecord, WaveRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

NOON, ONE, TWO = "2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z", "2026-11-28T14:00:00Z"
NAMES = ["LOCK#cloudendure#m-1", "LOCK#cloudendure#m-2", "LOCK#cloudendure#m-3"]


@pytest.fixture
def table() -> Iterator[Table]:
    with mock_aws():
        yield boto3.resource(
            "dynamodb", region_name="eu-central-1", aws_access_key_id="stage", aws_secret_access_key="stage"
        ).create_table(
            TableName="cutover",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )


def lease(table: Table, run: str, until: str | None) -> Locks:
    """The locks of a run whose lease lasts until then."""
    item: Any = {"pk": f"RUN#{run}", "sk": "META", "id": run, "lease": until}
    table.put_item(Item=item)
    return Locks(table, run)


def test_a_lock_is_one_runs_until_its_lease_ends(table: Table) -> None:
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)

    assert mine.take(NAMES, NOON) == {}
    assert mine.take(NAMES, NOON) == {}, "to take one's own again changes nothing"
    assert other.take(NAMES[:1], NOON) == {NAMES[0]: Holder("mine", ONE)}
    assert other.take(NAMES[:1], ONE) == {}, "at the end of the lease it is anybody's"
    assert mine.lost(NAMES) == {NAMES[0]: "other"}


def test_a_lease_that_was_renewed_holds_all_locks_by_one_write(table: Table) -> None:
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    mine.take(NAMES, NOON)
    lease(table, "mine", TWO)

    assert set(other.take(NAMES, ONE)) == set(NAMES)


@pytest.mark.parametrize("until", [None, NOON])
def test_a_run_without_a_lease_holds_nothing(table: Table, until: str | None) -> None:
    lease(table, "mine", until).take(NAMES, NOON)

    assert lease(table, "other", TWO).take(NAMES, NOON) == {}


def test_of_many_locks_all_are_taken_or_none(table: Table) -> None:
    many = [machine_lock("cloudendure", f"m-{number:03}") for number in range(2 * BATCH + 20)]
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    other.take([many[-1]], NOON)

    assert mine.take(reversed(many), NOON) == {many[-1]: Holder("other", TWO)}
    assert other.take(many[:-1], NOON) == {}, "what was taken in the meantime was given up"
    other.give_up(many)
    assert mine.take(many, NOON) == {}
    assert mine.lost(many) == {}


def test_a_lock_that_was_given_up_is_free_at_once_and_only_by_its_owner(table: Table) -> None:
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    mine.take(NAMES, NOON)
    other.give_up(NAMES)
    assert mine.lost(NAMES) == {}

    mine.give_up(NAMES[:1])

    assert other.take(NAMES[:1], NOON) == {}
    assert mine.lost(NAMES) == {NAMES[0]: "other"}


def test_the_fencing_number_grows_with_every_taking(table: Table) -> None:
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    name = project_lock("cloudendure", "Demo")
    seen = [mine.fence(name)]
    for who in (mine, mine, other, mine):
        who.take([name], NOON)
        seen.append(who.fence(name))
        who.give_up([name])

    assert seen == sorted(set(seen)), "never the same twice, never less"


def test_two_who_want_the_same_lock_at_once_do_not_both_get_it(table: Table) -> None:
    """The second has read the lock free before the first wrote it."""
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    read = other._read

    def late(names: list[str]) -> Any:
        found = read(names)
        if mine.lost(names) != {}:
            mine.take(names, NOON)
        return found

    other._read = late  # type: ignore[method-assign,assignment]  # this is the race
    held = other.take(NAMES, NOON)

    assert held == {name: Holder("mine", ONE) for name in NAMES}
    assert mine.lost(NAMES) == {}


def test_an_owner_who_renews_in_the_last_moment_keeps_his_lock(table: Table) -> None:
    """The other one has read that the lease is over, and his write comes after it was renewed."""
    mine, other = lease(table, "mine", NOON), lease(table, "other", TWO)
    mine.take(NAMES, NOON)
    leases = other._leases

    def then_renewed(runs: list[str]) -> Any:
        found = leases(runs)
        lease(table, "mine", TWO)
        return found

    other._leases = then_renewed  # type: ignore[method-assign,assignment]  # this is the race
    held = other.take(NAMES, ONE)

    assert set(held) == set(NAMES)
    assert mine.lost(NAMES) == {}


def test_projects_that_differ_in_case_are_one() -> None:
    assert project_lock("cloudendure", "Demo") == project_lock("cloudendure", "DEMO")
    assert project_lock("cloudendure", "Demo") != machine_lock("cloudendure", "Demo")


def test_who_is_beaten_every_time_has_no_lock_and_says_so(table: Table) -> None:
    """Between his reading and his writing there is always somebody else, who gives the locks up again."""
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    leases = other._leases

    def then_taken(runs: list[str]) -> Any:
        found = leases(runs)
        mine.take(NAMES, NOON)
        mine.give_up(NAMES)
        return found

    other._leases = then_taken  # type: ignore[method-assign,assignment]  # this is the race
    with pytest.raises(AwsUnavailable, match="others were writing the same locks"):
        other.take(NAMES, NOON)

    assert set(other.lost(NAMES)) == set(NAMES)


def test_a_machine_that_is_held_does_not_cost_the_others_their_locks(table: Table) -> None:
    """Its wave may do without it. A check that it is free came before, and somebody else took it since."""
    mine, other = lease(table, "mine", ONE), lease(table, "other", TWO)
    other.take([NAMES[1]], NOON)
    here: Any = SimpleNamespace(locks=mine, lock_of=lambda machine: machine_lock("cloudendure", machine))
    machines = [MachineRecord(f"db0{number}", number, id=f"m-{number}") for number in (1, 2, 3)]

    ((_, records),) = locked(here, [(WaveRecord(1, "db"), machines)], NOON)

    assert [each.status for each in records] == ["not_started", "refused", "not_started"]
    assert mine.lost(NAMES) == {NAMES[1]: "other"}
