"""Nights to test with, at ten of their moments: that of a plan which closes doors, asks, switches and can go back."""

from __future__ import annotations

from dataclasses import replace

from cutover.night_records import Back, Hold, Holder, NightRecord, Part, QuestionRecord, StepRecord, StepState
from cutover.plan import Plan
from cutover.planned_night import Action, Approval, Deed, Night, OnSilence, OnStepFailure, PlannedStep
from tests.unit.records_of import plan, planned, wave

STOP_WEB = PlannedStep("stop web", Action(Deed.SSM, "stop-web"), 600, undo=Action(Deed.SSM, "start-web"))
POWER_OFF = PlannedStep(
    "power off",
    Action(Deed.MANUAL, "power off, disable autostart", who="network"),
    1200,
    undo=Action(Deed.MANUAL, "power on", who="network"),
)
SWITCH_DNS = PlannedStep(
    "switch DNS",
    Action(Deed.LAMBDA, "dns-switch"),
    600,
    undo=Action(Deed.LAMBDA, "dns-switch"),
    on_failure=OnStepFailure.HOLD,
)
PLANNED = Night(
    window=7 * 3600,
    estimate=9000,
    reserve=5400,
    go=Approval(("lead",), 1800, OnSilence.POSTPONE),
    users=Approval(("lead", "app"), 2700, OnSilence.HOLD),
    commit=Approval(("lead",), 86400, OnSilence.END),
    quiesce=(STOP_WEB,),
    power_off=(POWER_OFF,),
    switch=(SWITCH_DNS,),
    probe=(Action(Deed.HTTP, "https://erp.example.com/health"),),
    soak=72 * 3600,
)
PLAN: Plan = replace(plan(wave(planned("db01"), planned("db02"))), night=PLANNED)

ASKED_GO = NightRecord(version=1, done={Part.CHECK.value: "2026-11-28T22:10:00Z"})
CLOSED = ASKED_GO.but(
    holder=Holder.NOBODY,
    since="2026-11-28T22:41:00Z",
    closed="2026-11-28T22:41:00Z",
    quiesced="2026-11-28T22:51:03Z",
    progressed="2026-11-28T22:51:03Z",
    done={Part.GO.value: "2026-11-28T22:40:00Z", Part.QUIESCE.value: "2026-11-28T22:51:03Z"},
)
PROVED = CLOSED.but(done={**CLOSED.done, Part.ZERO_LOSS.value: "2026-11-28T22:58:40Z"})
OFF = PROVED.but(done={**PROVED.done, Part.POWER_OFF.value: "2026-11-28T22:59:30Z"}, progressed="2026-11-28T22:59:30Z")
HELD = OFF.but(hold=Hold(Part.WAVE, "2026-11-28T23:40:00Z", "2026-11-29T11:40:00Z", "wave db: db02 failed"))
SWITCHING = OFF.but(switching="2026-11-29T00:50:00Z")
OPENED = SWITCHING.but(
    holder=Holder.TARGET,
    since="2026-11-29T00:58:00Z",
    opened="2026-11-29T00:58:00Z",
    done={**OFF.done, Part.PROBE.value: "2026-11-29T00:58:00Z"},
)
COMMITTED = OPENED.but(
    committed="2026-12-02T01:00:00Z", done={**OPENED.done, Part.COMMIT.value: "2026-12-02T01:00:00Z"}
)
GOES_BACK = OFF.but(back=Back("the plan's rule", "wave db: db02 failed", "2026-11-28T23:40:00Z", True))
BACK = GOES_BACK.but(
    holder=Holder.SOURCE,
    since="2026-11-29T00:10:00Z",
    reopened="2026-11-29T00:10:00Z",
    stopped=("i-new",),
    done={**OFF.done, Part.STOP_TARGETS.value: "2026-11-28T23:50:00Z", Part.OPEN_DOORS.value: "2026-11-29T00:10:00Z"},
)
BACK_BY_HAND = OPENED.but(back=Back("lead", "orders are lost", "2026-11-29T03:00:00Z", False))
STOPPED_BY_HAND = BACK_BY_HAND.but(
    holder=Holder.NOBODY,
    since="2026-11-29T03:05:00Z",
    stopped=("i-new",),
    done={**OPENED.done, Part.STOP_TARGETS.value: "2026-11-29T03:05:00Z"},
)
BACK_LATE = STOPPED_BY_HAND.but(
    holder=Holder.SOURCE,
    since="2026-11-29T03:42:00Z",
    reopened="2026-11-29T03:42:00Z",
    done={**STOPPED_BY_HAND.done, Part.OPEN_DOORS.value: "2026-11-29T03:42:00Z"},
)
EVERY_MOMENT = {
    "before anything": NightRecord(),
    "asked": ASKED_GO,
    "closed": CLOSED,
    "proved": PROVED,
    "off": OFF,
    "held": HELD,
    "switching": SWITCHING,
    "opened": OPENED,
    "committed": COMMITTED,
    "going back": GOES_BACK,
    "rolled back before the switch": BACK,
    "going back by hand": BACK_BY_HAND,
    "stopped by hand": STOPPED_BY_HAND,
    "rolled back after the switch": BACK_LATE,
}

GO = QuestionRecord(
    "go",
    "May users be shut out?",
    ("lead",),
    "2026-11-28T22:10:00Z",
    "2026-11-28T22:40:00Z",
    "yes",
    "lead",
    "2026-11-28T22:39:00Z",
    closed=True,
)
USERS = QuestionRecord(
    "users", "May users be let onto the targets?", ("lead", "app"), "2026-11-29T00:05:00Z", "2026-11-29T00:50:00Z"
)
COMMIT = QuestionRecord("commit", "Is it the truth?", ("lead",), "2026-12-02T00:58:00Z", "2026-12-03T00:58:00Z")
MANUAL = QuestionRecord(
    "power_off-1", "power off, disable autostart", ("network",), "2026-11-28T22:58:40Z", "2026-11-28T23:18:40Z"
)
UNDO = QuestionRecord("undo-power_off-1", "power on", ("network",), "2026-11-28T23:50:00Z", "2026-11-29T00:10:00Z")
STEPS = [
    StepRecord(
        Part.QUIESCE,
        1,
        "stop web",
        StepState.DONE,
        "2026-11-28T22:41:00Z",
        "2026-11-28T22:51:00Z",
        "c-1",
        "c-1 ended",
        done="2026-11-28T22:51:03Z",
    ),
    StepRecord(
        Part.POWER_OFF, 1, "power off", StepState.BEGUN, "2026-11-28T22:58:40Z", "2026-11-28T23:18:40Z", seen="asked"
    ),
]
