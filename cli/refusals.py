"""Whether what somebody tells a run counts: by its records, each refusal by its name and in words."""

from __future__ import annotations

from cli.deployment import NotAborted, NotTaken, RunView
from cutover import commands
from cutover.deciding import Why, over, refusal
from cutover.downtime import data_stays
from cutover.night_records import NightRecord, Order, QuestionRecord, Wish
from cutover.plan import Mode, Plan
from cutover.planned_night import Deed, PlannedStep
from cutover.records import MachineRecord, MachineStatus

STEPPED = ("quiesce", "power_off", "switch")


class NoSuchRun(NotTaken):
    """No run goes by this id here."""


class RunEnded(NotTaken):
    """The run has come to its end: nothing that is told it counts any more."""


class Raced(NotTaken):
    """The run changed in the same moment, and nothing was written."""


class NotAnswered(NotTaken):
    """An answer does not count."""


class NoSuchQuestion(NotAnswered):
    """The run does not ask this."""


class AlreadyAnswered(NotAnswered):
    """Somebody answered before."""


class NotAsked(NotAnswered):
    """Somebody answers who is not asked."""


class TooLate(NotAnswered):
    """The question was decided without an answer, or its deadline has passed."""


class AuthorAnswers(NotAnswered):
    """Whoever wrote the plan answers, and the plan does not let them."""


class NotByHand(NotAnswered):
    """The run does this step itself."""


class NotOrdered(NotTaken):
    """An order is not taken."""


class OrderPending(NotOrdered):
    """Another order waits to be taken up."""


class NothingHeld(NotOrdered):
    """The run does not wait for a person, or waits no more."""


class NoSuchMachine(NotOrdered):
    """The run has no such machine."""


class NotToJudge(NotOrdered):
    """The machine has no verdict that could be changed."""


class DoorsOpen(NotOrdered):
    """Nothing was taken from users, so that there is nothing to go back from."""


class DataStays(NotOrdered):
    """Going back loses what users entered, and whoever orders it has not said that they know."""


class GoesBack(NotOrdered):
    """The run is on its way back."""


class NoWayBack(NotOrdered):
    """People have accepted the targets' data as the truth."""


_CLASSES: dict[Why, type[NotTaken]] = {
    Why.ANSWERED: AlreadyAnswered,
    Why.ENDED: RunEnded,
    Why.NOT_ASKED: NotAsked,
    Why.AUTHOR: AuthorAnswers,
    Why.ASKED_ANEW: AlreadyAnswered,
    Why.TOO_LATE: TooLate,
}


def question_of_step(view: RunView, plan: Plan, called: str) -> str:
    """The name of the question by which somebody says that a step is done: by the step's name in the plan, or as it is.

    A step may be asked for twice, to be done and to be undone: the open question is meant. Errors: NotTaken.
    """
    steps = {f"{part}-{number}": step for part, number, step in _steps(plan)}
    if called.removeprefix("undo-") in steps:
        named = [called]
    else:
        doing = [name for name, step in steps.items() if step.name.casefold() == called.casefold()]
        named = [*doing, *(f"undo-{name}" for name in doing)]
    if not named:
        manual = [f"{step.name} ({name})" for name, step in steps.items() if _by_hand(step)]
        raise NoSuchQuestion(
            f"plan {plan.name} has no step {called}; done by hand: {', '.join(manual) or 'none'}; {_open_ones(view)}"
        )
    asked = [each for each in view.questions if each.name in named]
    if not asked and not any(_by_hand(steps[name.removeprefix("undo-")]) for name in named):
        raise NotByHand(f"step {called} is not done by hand: the run does it itself; {_open_ones(view)}")
    meant = [each.name for each in asked if _is_open(each)] or [each.name for each in asked] or named[:1]
    return meant[-1]


def _steps(plan: Plan) -> list[tuple[str, int, PlannedStep]]:
    return [
        (part, number, step)
        for part in (STEPPED if plan.night else ())
        for number, step in enumerate(getattr(plan.night, part), 1)
    ]


# Answers


def asked_by(view: RunView, name: str) -> QuestionRecord:
    found = next((each for each in view.questions if each.name == name), None)
    if found is None:
        _must_go_on(view)
        raise NoSuchQuestion(f"run {view.run.id} asks no {name}; {_open_ones(view)}")
    return found


def may_answer(view: RunView, plan: Plan, asked: QuestionRecord, by: str, now: str) -> None:
    refused = refusal(view.run, plan, asked, by, now)
    if refused is not None:
        raise _CLASSES[refused.why](refused.reason)


def _open_ones(view: RunView) -> str:
    still = [f"{each.name} (of {', '.join(each.by)}, by {each.deadline})" for each in view.questions if _is_open(each)]
    asked = ", ".join(each.name for each in view.questions) or "nothing"
    return f"it asked: {asked}; " + (f"open questions are {'; '.join(still)}" if still else "no question is open")


def _is_open(question: QuestionRecord) -> bool:
    return not question.closed and question.answer is None


def _by_hand(step: PlannedStep) -> bool:
    return Deed.MANUAL in (step.do.deed, step.undo.deed if step.undo else None)


# Orders


def may_order(view: RunView, order: Order) -> Order:
    """The order as it is to be written, or why it is not taken."""
    run, night = view.run.id, view.night or NightRecord()
    _must_go_on(view)
    if view.run.mode is Mode.TEST:
        raise NotOrdered(
            f"run {run} is a test: it takes nothing from users, holds nothing and has nothing to go back from; "
            "`cutover abort` ends it"
        )
    match order.wish:
        case Wish.RESUME:
            _may_resume(run, night, order)
        case Wish.ROLLBACK:
            _may_go_back(view, night, order)
        case Wish.VERIFY | Wish.ACCEPT:
            order = _may_judge(view, night, order)
    if view.order is not None:
        named = " ".join(each for each in (view.order.wish.value, view.order.machine) if each)
        raise OrderPending(
            f"{view.order.by} has ordered {named} at {view.order.at}, and the run takes that up at its next look; "
            "order again after it"
        )
    return order


def _may_resume(run: str, night: NightRecord, order: Order) -> None:
    if night.hold is None:
        raise NothingHeld(
            f"run {run} does not hold: there is nothing to resume. What it does: {commands.takeover(run)}"
        )
    if order.at >= night.hold.deadline:
        raise NothingHeld(f"run {run} held until {night.hold.deadline}, and takes no order any more; it ends Failed")


def _may_go_back(view: RunView, night: NightRecord, order: Order) -> None:
    run = view.run
    if night.committed:
        raise NoWayBack(
            f"the targets of run {run.id} were committed at {night.committed}: their data is the truth, the run does "
            f"not go back. Going back by hand, and what it loses: {commands.takeover(run.id)}"
        )
    _must_not_go_back_yet(view, night)
    if night.closed is None:
        raise DoorsOpen(
            f"run {run.id} has shut nobody out: users are on the source, there is nothing to roll back. To end it: "
            f"{commands.abort(run.id)}"
        )
    lost = data_stays(night)
    if lost is not None and not order.data_stays:
        raise DataStays(
            f"users may have entered data on the targets from {lost[0]} to {order.at}: all of it would stay on the "
            "stopped targets, and the source does not have it. Say that you know: the same with --data-stays"
        )


def _must_not_go_back_yet(view: RunView, night: NightRecord) -> None:
    run = view.run
    if night.back is not None:
        done = f"and users are on the source since {night.reopened}" if night.reopened else "and is on its way"
        raise GoesBack(f"run {run.id} goes back since {night.back.at}, by {night.back.by}: {night.back.reason}; {done}")
    if run.aborted and night.closed:
        raise GoesBack(
            f"run {run.id} was aborted by {run.aborted_by} at {run.aborted_at}: it goes back at its next look"
        )


def _may_judge(view: RunView, night: NightRecord, order: Order) -> Order:
    order = may_name(view, order)
    (machine,) = (each for each in view.machines() if each.label == order.machine)
    if night.opened or night.back:
        where = f"users are on the targets since {night.opened}" if night.opened else "the run goes back"
        raise NotToJudge(f"{where}: what is said of {machine.label} changes nothing any more")
    said = f"{machine.label} is {machine.status.value}"
    if machine.status is MachineStatus.VERIFIED:
        raise NotToJudge(f"{said} already")
    if not machine.judged:
        raise NotToJudge(f"{machine.label} is not judged yet: the run looks at it by itself")
    if machine.left_out:
        raise NotToJudge(f"{said}: it was not launched, there is no target to look at")
    if order.wish is Wish.ACCEPT and (machine.target is None or machine.target.instance_id is None):
        raise NotToJudge(f"{said}, and no target of it is known: there is nothing to accept; judge it again (verify)")
    return order


def may_name(view: RunView, order: Order) -> Order:
    """The order with its machine as the run calls it."""
    if not order.machine:
        return order
    called = order.machine.casefold()
    found = [each for each in view.machines() if called in _names(each)]
    if len(found) != 1:
        there = ", ".join(each.label for each in view.machines()) or "none yet"
        raise NoSuchMachine(f"run {view.run.id} has no machine {order.machine}; its machines are {there}")
    return order.but(machine=found[0].label)


def _names(machine: MachineRecord) -> set[str]:
    return {name.casefold() for name in (machine.label, machine.name, machine.id) if name}


def may_abort(view: RunView) -> None:
    run, night = view.run, view.night or NightRecord()
    if run.aborted:
        raise NotAborted(
            f"run {run.id} was aborted already, by {run.aborted_by} at {run.aborted_at}: {run.abort_reason}"
        )
    if run.interrupted:
        return
    if run.status.value != "running":
        raise NotAborted(f"run {run.id} has ended ({run.outcome or run.status}); there is nothing to abort")
    if night.back is not None:
        raise NotAborted(f"run {run.id} goes back already since {night.back.at}, by {night.back.by}: nothing to abort")
    lost = data_stays(night)
    if lost is not None:
        whose = "users are on the targets" if night.opened else "users may be on the targets"
        raise NotAborted(
            f"{whose} since {lost[0]}: nothing goes back by an abort any more. To go back, which leaves on the targets "
            f"what was entered since then: {commands.rollback(run.id, data_stays=True)}"
        )


def _must_go_on(view: RunView) -> None:
    run = view.run
    if over(run):
        raise RunEnded(f"run {run.id} has ended ({run.outcome or run.status}); nothing it is told counts any more")
