"""A run that waits for a person: say so, look for what is wanted, judge or accept a machine; end at the deadline."""

from __future__ import annotations

from cutover.instants import instant
from cutover.night import FAILED
from cutover.night_records import Hold, NightRecord, Order, Wish
from cutover.readiness import LOOKS, interval
from cutover.records import Accepted, MachineRecord, Phase
from cutover.rule import ruling
from cutover.step import Answer, Step, step
from cutover.verification import judge_again


@step
def handler(here: Step) -> Answer:
    """Input {run, execution}; {verdict: done | wait, wait_seconds, tell, reason}."""
    night, now = here.store.night(here.run.id), here.clock()
    if night.hold is None:
        return here.said("done", "nothing holds the run any more")
    order = here.store.order(here.run.id)
    if order is not None:
        if order.wish in (Wish.ACCEPT, Wish.VERIFY):
            reason = _one_machine(here, night, order, now)
            here.store.take_order(here.run.id, order)
            return here.said("done", reason)
        return here.said("done", f"{order.by} wants {order.wish.value}: {order.reason}")
    hold: Hold = night.hold
    if instant(now) >= instant(hold.deadline) or hold.looks >= LOOKS:
        ending = f"{FAILED}: nobody took up the hold by {hold.deadline}; it held because {hold.reason}"
        here.store.write_night(here.run.id, night.but(ending=ending))
        return here.said("done", ending)
    wait = interval(here.poll, instant(now), instant(hold.deadline), LOOKS - hold.looks)
    here.hold(wait)
    here.store.write_night(here.run.id, night.but(hold=hold.but(looks=hold.looks + 1, told=True)))
    return here.said("wait", f"holds until {hold.deadline}: {hold.reason}", wait=wait, tell="" if hold.told else "held")


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
            here.store.write_machines(here.run.id, wave.number, [judge_again(machine, now)])
            again = wave.but(phase=Phase.FOLLOWING, outcome=None, passed=False, target_looks=0)
            here.store.write_wave(here.run.id, again)
            here.store.write_night(here.run.id, night.but(hold=None, progressed=now))
            return f"{machine.label} is judged again for {order.by}"
    return f"{order.machine} is no machine of this plan"
