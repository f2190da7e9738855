"""What people are told by a run that only observes launches made by hand. Rendered from records alone."""

from __future__ import annotations

from cutover.launch import named
from cutover.messages import Message, News
from cutover.plan import Mode, Plan
from cutover.records import RunRecord, WaveRecord

_BY_HAND = "This run launches, stops and moves nothing: it proves what people launch in the service's console."


def observed(run: RunRecord, plan: Plan, news: News, wave: WaveRecord | None) -> Message | None:
    """For news that reads otherwise when nothing is launched by the run; None for all other news."""
    if news is News.STARTED:
        count = sum(len(each.machines) for each in plan.waves)
        about, lines = "observes", [f"Plan {plan.name}: {run.mode.value} launches of {count} machines are waited for."]
    elif news is News.WAITING and wave is not None:
        about = f"wave {wave.name} waits for a launch by hand"
        lines = [
            f"Wave {wave.name}: {wave.reason}.",
            f"Gives up at {wave.readiness_deadline}, and changes nothing then.",
        ]
    elif news is News.LAUNCHED and wave is not None:
        about = f"wave {wave.name} was launched by hand"
        lines = [f"Wave {wave.name}: {named(wave.jobs)} was found. Each target is verified and tagged as it appears."]
    else:
        return None
    stage = "[SIMULATED] " if run.simulated else ""
    text = "\n".join([*lines, _BY_HAND, holder(run.mode), f"Run {run.id}"])
    return Message(f"{stage}{run.plan} {run.mode.value}: {about}"[:100], text)


def observed_end(run: RunRecord, message: Message) -> Message:
    """The message of its end: it cannot say more of production than it knows."""
    lines = [holder(run.mode) if line.startswith("Production:") else line for line in message.text.split("\n")]
    return Message(message.subject, "\n".join([_BY_HAND, *lines]))


def holder(mode: Mode) -> str:
    """Who holds production, as far as a run can tell that moves nobody."""
    if mode is Mode.TEST:
        return "Production: SOURCE. A test moves no users."
    return "Production: where the people who launched by hand have it: SOURCE until they move users."
