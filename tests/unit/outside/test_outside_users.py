"""Users' orders: what became of each, and that a loss and double serving show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from stage.outside.users import Report, Users

from .conftest import World

START = datetime(2026, 12, 5, 22, 0, tzinfo=UTC)
SOURCE, TARGET = "source", "target"


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def users(*stretches: tuple[int, tuple[str, ...]]) -> Users:
    """One order every 10 s; each stretch: until when, and who accepts."""
    made = Users(START, timedelta(seconds=10), START)
    for until, sites in stretches:
        made.go_on(at(until), sites)
    return made


NIGHT = ((100, (SOURCE,)), (250, ()), (400, (TARGET,)))


def test_every_order_has_one_fate_and_the_clock_of_the_downtime_is_exact() -> None:
    assert users(*NIGHT).report(TARGET, at(120)) == Report(40, 10, 15, 15, 0, 0, 150)


def test_how_time_is_cut_does_not_change_the_count() -> None:
    fine = users(*((second, NIGHT[0][1]) for second in range(1, 101)), *NIGHT[1:])
    assert fine.report(TARGET, at(95)) == users(*NIGHT).report(TARGET, at(95))
    assert len(fine.spans) == 3


@pytest.mark.parametrize(
    ("data_at", "lost"), [(at(100), 0), (at(99), 1), (at(41), 6), (at(0), 10), (at(-500), 10), (None, 10)]
)
def test_what_the_source_accepted_after_the_targets_data_is_lost(data_at: datetime | None, lost: int) -> None:
    assert users(*NIGHT).report(TARGET, data_at).lost == lost


def test_users_who_are_back_at_the_source_have_lost_what_the_targets_accepted() -> None:
    went_back = users(*NIGHT, (450, ()), (600, (SOURCE,)))
    assert went_back.report(SOURCE, at(120)).lost == 15
    assert went_back.report(TARGET, at(120)).lost == 15, "and the other way round, what the source accepted since"


def test_orders_accepted_by_both_sites_are_served_twice() -> None:
    both = users((100, (SOURCE,)), (130, (SOURCE, TARGET)), (200, (TARGET,)))
    assert both.report(TARGET, at(130)).served_twice == 3
    assert both.report(TARGET, at(130)).lost == 0


def test_both_sites_serving_shows_even_between_two_orders() -> None:
    assert users((101, (SOURCE,)), (104, (SOURCE, TARGET)), (200, (TARGET,))).report(TARGET, at(200)).served_twice == 1


def test_time_never_goes_back() -> None:
    made = users(*NIGHT)
    made.go_on(at(300), (SOURCE,))
    assert made.report(TARGET, at(120)) == users(*NIGHT).report(TARGET, at(120))


def test_users_come_back_from_a_file_as_they_were() -> None:
    made = users(*NIGHT)
    again = Users.read(made.data())
    assert again == made
    again.go_on(at(500), (TARGET,))
    assert again.report(TARGET, at(100)).orders == 50


def test_the_report_reads_as_people_say_it() -> None:
    said = str(users(*NIGHT).report(TARGET, at(120)))
    assert said == "40 orders, 0 lost, 0 served twice, 15 refused, downtime 02:30"


# A night in the simulated world


def closed_and_off(world: World) -> None:
    world.advance(300)
    world.post("/doors/close")
    world.advance(180)
    for name in ("db01", "web01"):
        world.post(f"/power/{name}/off")


def test_a_night_in_order_loses_nothing_and_serves_nothing_twice(made: Callable[..., World]) -> None:
    world = made()
    closed_and_off(world)
    world.launch()
    assert world.post("/switch", to="target").status_code == 200
    world.advance(600)
    report = world.outside.report()
    assert (report.lost, report.served_twice) == (0, 0)
    assert report.served_source == 15
    assert report.served_target > 25
    assert report.orders == report.served_source + report.served_target + report.refused
    assert report.downtime == pytest.approx(180 + 1200, abs=1)


def test_sources_that_went_on_writing_after_the_launch_show_as_lost(made: Callable[..., World]) -> None:
    world = made(ttl="0s")
    world.advance(300)
    world.launch()
    world.post("/switch", to="target")
    world.advance(600)
    assert world.outside.report().lost == 1200 // 20


def test_a_source_switched_off_with_open_doors_loses_what_no_consistency_point_has(made: Callable[..., World]) -> None:
    world = made(every="1s")
    world.advance(330)
    for name in ("db01", "web01"):
        world.post(f"/power/{name}/off")
    world.launch()
    world.post("/switch", to="target")
    world.advance(120)
    assert 0 < world.outside.report().lost < 60


def test_open_doors_after_the_switch_show_as_double_serving(made: Callable[..., World]) -> None:
    world = made()
    world.advance(100)
    world.launch()
    world.post("/switch", to="target")
    world.advance(300)
    assert world.outside.report().served_twice == 3, "for a minute some users still know the old address"


def test_users_on_stopped_targets_are_refused_not_served(made: Callable[..., World]) -> None:
    world = made()
    closed_and_off(world)
    world.launch()
    world.post("/switch", to="target")
    world.advance(100)
    served = world.outside.report().served_target
    world.ec2.stopped |= {each.instance for each in world.simulator.sources().launched()[:1]}
    world.advance(200)
    assert world.outside.report().served_target == served
    assert world.health() == 503


def test_a_way_back_before_the_switch_loses_nothing(made: Callable[..., World]) -> None:
    world = made()
    closed_and_off(world)
    for name in ("db01", "web01"):
        world.post(f"/power/{name}/on")
    world.post("/doors/open")
    world.advance(300)
    report = world.outside.report()
    assert (report.lost, report.served_twice, report.served_target) == (0, 0, 0)
    assert report.downtime == pytest.approx(180, abs=1)
    assert world.health() == 200


def test_users_begin_anew_when_told(made: Callable[..., World]) -> None:
    world = made()
    world.advance(300)
    world.simulator.advance(7 * 86400)
    world.outside.begin("cutover")
    assert world.outside.report().orders == 0
    world.advance(60)
    assert world.outside.report().orders == 3


def test_a_count_that_has_ended_stays_as_it_was_even_after_a_kill(made: Callable[..., World]) -> None:
    world = made(memory=True)
    world.outside.begin("test")
    world.advance(60)
    assert world.outside.end("test").orders == 3
    world.outside.begin("cutover")
    world.advance(100)
    again = made(kept=world)
    assert (again.outside.end("test").orders, again.outside.end("cutover").orders) == (3, 5)
    again.outside.begin("test")
    assert again.outside.end("test").orders == 0


def test_killed_and_started_again_it_goes_on_where_it_was(made: Callable[..., World]) -> None:
    world = made(memory=True)
    closed_and_off(world)
    world.launch()
    world.post("/switch", to="target")
    world.advance(300)
    before = world.outside.report()
    again = made(kept=world)
    assert again.health() == 200
    assert again.outside.report() == before
    again.advance(60)
    assert again.outside.report().served_target == before.served_target + 3
