"""Hundreds of nights in which anything may go wrong, and no invariant is broken.

pytest tests/statemachines/test_chaos.py --chaos-nights 5000      # more of them
pytest tests/statemachines/test_chaos.py --chaos-seed 17          # the nights of one seed again, and made smaller
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from cutover.plan import Mode
from tests.statemachines.chaos import TROUBLES, a_story
from tests.statemachines.invariants import broken

NIGHTS_OF_A_SEED = 10
STRIKES = 4
"""Troubles of our own in one night, at the most; more of them are no longer told apart."""
CALLS = 40
"""Functions that a run calls, about; a trouble strikes at one of them."""


SERVICES = ("cloudendure", "mgn")
"""Which one the nights of a seed are on: each in turn."""


class ANight(RuleBasedStateMachine):
    """What goes wrong is gathered, then the night is carried out and judged."""

    seed = 0
    nights = NIGHTS_OF_A_SEED
    """How many are carried out at the most: hypothesis tries a few more than it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.world: int | None = None
        self.troubles: dict[int, str] = {}

    @initialize(world=st.integers(0, 99_999), mode=st.sampled_from(Mode))
    def begins(self, world: int, mode: Mode) -> None:
        # Whatever the seed, hypothesis begins with the smallest number: it stands for another world each time.
        self.world, self.mode = world + 100_000 * type(self).seed, mode

    @rule(call=st.integers(1, CALLS), trouble=st.none() | st.sampled_from(TROUBLES))
    def goes_wrong(self, call: int, trouble: str | None) -> None:
        if trouble:
            self.troubles[call] = trouble

    def teardown(self) -> None:
        if self.world is None or type(self).nights == 0:
            return
        type(self).nights -= 1
        on = SERVICES[type(self).seed % len(SERVICES)]
        with a_story(self.world, self.mode, self.troubles, service=on) as story:
            story.carry_out()
            assert broken(story) == [], "\n".join(story.happened)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed, or for the one that was asked for."""
    if "chaos_seed" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--chaos-seed")
        nights = metafunc.config.getoption("--chaos-nights")
        metafunc.parametrize("chaos_seed", [chosen] if chosen is not None else range(-(-nights // NIGHTS_OF_A_SEED)))


def test_no_invariant_is_broken_whatever_goes_wrong(chaos_seed: int, request: pytest.FixtureRequest) -> None:
    alone = request.config.getoption("--chaos-seed") is not None
    phases = (Phase.generate, Phase.shrink) if alone else (Phase.generate,)

    class Nights(ANight):
        seed = chaos_seed
        nights = -1 if alone else NIGHTS_OF_A_SEED

    try:
        run_state_machine_as_test(
            seed(chaos_seed)(Nights),
            settings=settings(
                max_examples=NIGHTS_OF_A_SEED,
                stateful_step_count=STRIKES,
                phases=phases,
                deadline=None,
                database=None,
                verbosity=Verbosity.normal,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except BaseException as error:
        error.add_note(f"replay: .venv/bin/pytest tests/statemachines/test_chaos.py --chaos-seed {chaos_seed}")
        raise
    assert alone or Nights.nights == 0, "each of them was carried out"


def test_the_invariants_can_be_broken() -> None:
    """What they look at is there to be found: a night in which everything is claimed that did not happen."""
    with a_story(3, Mode.TEST) as story:
        story.carry_out()
        assert broken(story) == []
        run = story.all_runs()[0]
        (verified, *_) = [machine for _, machine in story.records() if machine.status == "verified"]
        story.night.store.update_run(run.id, told=False, lease="2099-01-01T00:00:00Z")
        story.night.store.write_machines(run.id, 1, [verified.but(target=None, checks=(), findings=())])
        story.sacred["i-gone"] = "a live target"

        said = "\n".join(broken(story))

    for words in ("was not told", "holds its locks", "no job of ours made", "i-gone (a live target) is gone"):
        assert words in said
