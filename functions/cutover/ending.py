"""The end of a run, however it came: records settled, evidence and report written, the plan free for its next run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_lambda_powertools import Logger

from cutover.closing import Error, abort_finding, abort_finding_of, next_wave, outcome, settled, wave_outcome
from cutover.evidence import STEPPED, NightEvidence, WaveEvidence, build
from cutover.executions import Executions
from cutover.finding import Finding
from cutover.instants import instant
from cutover.launch import still_open
from cutover.machine import Job, JobStatus
from cutover.night_records import NightRecord
from cutover.plan import Mode, Plan
from cutover.records import MachineRecord, MachineStatus, Outcome, Phase, RunRecord, RunStatus, WaveRecord
from cutover.reporting import TYPES, reported
from cutover.rule import ruling
from cutover.store import Store
from cutover.summary import render

Waves = Sequence[tuple[WaveRecord, list[MachineRecord]]]


def close(
    store: Store, run: RunRecord, plan: Plan, waves: Waves, error: Error | None, *, died: bool = False
) -> RunRecord:
    """Settle what is open, decide the outcome, release the claim and the locks, write the run's evidence.

    Closing a closed run writes the same again. `error`: what ended the run before its last wave, if anything did.
    `died`: its execution is dead; then the waves and machines stay as they are recorded, so that the run can go on.
    RunDisputed when the run has gone on meanwhile.
    """
    closed = [
        (wave, machines) if wave.phase is Phase.ENDED else _closed(store, run, plan, waves, wave, machines, error)
        for wave, machines in waves
    ]
    night = store.night(run.id)
    how = outcome(run.mode, closed, error, night)
    run = store.update_run(
        run.id,
        in_attempt=run.attempt,
        status=RunStatus.FAILED if how is Outcome.FAILED else RunStatus.SUCCEEDED,
        outcome=how,
        reason=_reason(run, closed, error),
        ended=_last_look(run, closed, night),
        findings=tuple(dict.fromkeys((*run.findings, *_findings(error)))),  # closed twice, told once
        interrupted=died,
        lease=run.lease if any(still_open(wave, store.launches(run.id, wave.number)) for wave, _ in waves) else None,
    )
    if not died:
        for (wave, machines), (before, _) in zip(closed, waves, strict=True):
            if before.phase is not Phase.ENDED:
                store.write_machines(run.id, wave.number, machines)
                store.write_wave(run.id, wave)
    store.release(run)
    write_evidence(store, run, closed)
    return run


def _closed(
    store: Store,
    run: RunRecord,
    plan: Plan,
    waves: Waves,
    wave: WaveRecord,
    machines: Sequence[MachineRecord],
    error: Error | None,
) -> tuple[WaveRecord, list[MachineRecord]]:
    """A wave that nobody closed, with a final status for each of its machines."""
    reason = next_wave(plan, [each for each, _ in waves], abort_finding_of(run)).reason
    struck = error if wave.started or all(each.started is None for each, _ in waves) else None
    why = run.reason or (f"{error.name}: {error.cause}" if error else reason)
    planned = plan.waves[wave.number - 1]
    final = settled(planned, machines, store.launches(run.id, wave.number), struck, why, abort_finding_of(run))
    passed = ruling(planned, final).passes
    return wave.but(phase=Phase.ENDED, outcome=wave_outcome(final), passed=passed, reason=wave.reason or why), final


def _reason(run: RunRecord, waves: Waves, error: Error | None) -> str:
    if error is not None:
        return f"{error.name}: {error.cause}"
    if run.aborted:
        return abort_finding(run).seen
    short = [wave for wave, _ in waves if wave.outcome not in (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)]
    bad = [wave for wave in short if not wave.passed][:1]
    return run.reason or "; ".join(f"wave {wave.name}: {wave.reason}" for wave in bad or short)


def _findings(error: Error | None) -> tuple[Finding, ...]:
    if error is None:
        return ()
    remedy = "see the findings of each machine, and the log of the function that failed"
    return (Finding("run", f"{error.name}: {error.cause}", "a run ends by its own decision", remedy),)


def _last_look(run: RunRecord, waves: Waves, night: NightRecord) -> str:
    """The newest instant of the service's clock that the run has seen; ours where it never saw one."""
    looks = [*(wave.looked for wave, _ in waves), night.progressed, run.started or run.claimed]
    return max((each for each in looks if each), key=instant)


def write_evidence(store: Store, run: RunRecord, waves: Waves) -> None:
    """evidence.json, summary.md, report.html and ips.csv of a run that has its outcome; writing them again changes
    nothing. A report that cannot be made is told in the other two, and stops nothing."""
    plan = store.plan(run.plan, run.carried_out)
    executions = [each for each in (run.execution, *(wave.execution for wave, _ in waves)) if each]
    evidence = build(
        run,
        [
            WaveEvidence(
                wave,
                machines,
                _jobs(store, run, wave),
                store.lags(run.id, wave.number),
                plan.waves[wave.number - 1].lag_limit,
            )
            for wave, machines in waves
        ],
        Executions().transitions(executions),
        _night(store, run, plan),
        store.told(run.id),
        store.boards(run.id),
        store.sign_offs(run.plan),
    )
    made = reported(evidence, plan)
    if made.error:
        Logger().error("the report could not be made", exc_info=made.error)
    store.write_file(run.id, "evidence.json", json.dumps(made.evidence, indent=2) + "\n", "application/json")
    store.write_file(run.id, "summary.md", render(made.evidence), "text/markdown; charset=utf-8")
    for name, content in made.files.items():
        store.write_file(run.id, name, content, TYPES[name])


def _night(store: Store, run: RunRecord, plan: Plan) -> NightEvidence | None:
    planned = plan.night
    if planned is None or run.mode is not Mode.CUTOVER:
        return None
    steps = [step for part in STEPPED for step in store.steps(run.id, part)]
    return NightEvidence(planned, store.night(run.id), steps, store.questions(run.id))


def _jobs(store: Store, run: RunRecord, wave: WaveRecord) -> list[Job]:
    """The wave's jobs with their logs as read last; those that were accepted and never read, all the same."""
    if wave.followed:
        return [store.read_job(run.id, wave.number, job) for job in wave.jobs]
    unread = JobStatus.UNKNOWN
    return [Job(job, run.mode.value, unread, wave.job_status or "", None, None, None) for job in wave.jobs]
