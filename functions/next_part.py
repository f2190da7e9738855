"""Which part of the run is next: by what is recorded, what the last part answered, and what an operator wants."""

from __future__ import annotations

from cutover.closing import Error
from cutover.night import Next, Said, Seen, following, has_night
from cutover.night_records import NightRecord, Order, Part, Wish
from cutover.records import Accepted, MachineRecord, MachineStatus, Phase
from cutover.rule import ruling
from cutover.step import Answer, Step, step
from cutover.steps import STEPPED, UNDOES, planned_steps, to_try_again
from cutover.verification import judge_again


@step
def handler(here: Step) -> Answer:
    """Input {run, execution, said: "" or the last part's answer, error: "" or {name, cause}}; {part, wave, reason}."""
    order = here.store.order(here.run.id)
    if order is not None and order.wish in (Wish.ACCEPT, Wish.VERIFY):
        # At whatever part it comes: an order that waited for a hold would keep the next one from being given.
        _one_machine(here, here.store.night(here.run.id), order, here.clock())
        here.store.take_order(here.run.id, order)
        order = None
    night = here.store.night(here.run.id)
    now = here.clock() if has_night(here.plan, here.run) else ""
    seen = Seen(
        plan=here.plan,
        run=here.run,
        night=night,
        waves=here.everything(),
        questions={each.name: each for each in here.store.questions(here.run.id)},
        order=order,
        now=now,
    )
    decided = following(seen, Said.from_event(here.event.get("said")), Error.from_event(here.event.get("error")))
    after = decided.night.but(progressed=now) if decided.part is Part.END and now else decided.night
    if after != night:
        here.store.write_night(here.run.id, after)
    if decided.again is not None:
        _try_again(here, decided)
    if order is not None:
        here.store.take_order(here.run.id, order)
    if decided.part is Part.END and decided.night.ending:
        here.store.update_run(here.run.id, reason=decided.reason)
    return {"part": decided.part.value, "wave": decided.wave, "reason": decided.reason}


def _try_again(here: Step, decided: Next) -> None:
    """What failed is as if it had not begun; what was asked is asked anew."""
    part = Part(decided.again or decided.part)
    if part in STEPPED:
        records = {each.number: each for each in here.store.steps(here.run.id, UNDOES.get(part, part))}
        step_again = to_try_again(part, planned_steps(here.planned_night, part), records)
        if step_again is not None:
            here.store.write_step(here.run.id, step_again)
    name = Part.COMMIT.value if part is Part.SOAK else part.value
    if (question := here.store.question(here.run.id, name)) is not None and question.closed:
        here.store.set_aside(here.run.id, question)
    for number in decided.waves_again:
        machines = here.store.machines(here.run.id, number)
        fresh = [each.but(status=MachineStatus.NOT_STARTED) for each in machines]
        here.store.write_machines(here.run.id, number, fresh)
        wave = here.store.wave(here.run.id, number)
        here.store.write_wave(
            here.run.id,
            wave.but(
                phase=Phase.WAITING,
                outcome=None,
                passed=False,
                reason="",
                readiness_deadline=None,
                ready_looks=0,
                told_waiting=False,
            ),
        )


def _one_machine(here: Step, night: NightRecord, order: Order, now: str) -> str:
    """Accept a machine, or have it judged again; the hold ends if its wave passes by that, or has to look again."""
    for wave, machines in here.everything():
        for machine in machines:
            if machine.label.casefold() != order.machine.casefold():
                continue
            if order.wish is Wish.ACCEPT:
                accepted = machine.but(accepted=Accepted(order.by, order.reason, now))
                here.store.write_machines(here.run.id, wave.number, [accepted])
                others: list[MachineRecord] = [accepted if each is machine else each for each in machines]
                passed = ruling(here.plan.waves[wave.number - 1], others)
                if wave.phase is Phase.ENDED:
                    here.store.write_wave(here.run.id, wave.but(passed=passed.passes, reason=passed.reason))
                return f"{machine.label} is accepted by {order.by}: {order.reason}"
            if wave.phase is not Phase.ENDED:
                return f"{machine.label} is not judged yet"
            here.store.write_machines(here.run.id, wave.number, [judge_again(machine, now)])
            again = wave.but(phase=Phase.FOLLOWING, outcome=None, passed=False, target_looks=0)
            here.store.write_wave(here.run.id, again)
            here.store.write_night(here.run.id, night.but(hold=None, progressed=now))
            return f"{machine.label} is judged again for {order.by}"
    return f"{order.machine} is no machine of this plan"
