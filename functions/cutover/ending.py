"""The end of a run, however it came: records settled, evidence written, the plan free for its next run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cutover.closing import Error, next_wave, outcome, settle, wave_outcome
from cutover.evidence import WaveEvidence, build
from cutover.executions import Executions
from cutover.finding import Finding
from cutover.instants import instant
from cutover.machine import Job, JobStatus
from cutover.plan import Plan
from cutover.records import MachineRecord, MachineStatus, Outcome, Phase, RunRecord, RunStatus, WaveRecord
from cutover.store import Store
from cutover.summary import render

Waves = Sequence[tuple[WaveRecord, list[MachineRecord]]]


def close(store: Store, run: RunRecord, plan: Plan, waves: Waves, error: Error | None) -> RunRecord:
    """Settle what is open, decide the outcome, release the claim, write evidence.json and summary.md.

    Closing a closed run writes the same again. `error`: what ended the run before its last wave, if anything did.
    """
    reason = next_wave(plan, [wave for wave, _ in waves]).reason
    nothing_began = all(wave.started is None for wave, _ in waves)
    settled: list[tuple[WaveRecord, list[MachineRecord]]] = []
    for (wave, machines), planned in zip(waves, plan.waves, strict=True):
        if wave.phase is Phase.ENDED:
            settled.append((wave, machines))
            continue
        struck = error if wave.started or nothing_began else None
        why = run.reason or (f"{error.name}: {error.cause}" if error else reason)
        launches = store.launches(run.id, wave.number)
        machines = [settle(machine, launches, planned.on_failure, struck, why) for machine in machines]
        ended = wave.but(phase=Phase.ENDED, outcome=wave_outcome(machines), reason=wave.reason or why)
        store.write_machines(run.id, wave.number, machines)
        store.write_wave(run.id, ended)
        settled.append((ended, machines))
    how = outcome(run.mode, [machine for _, machines in settled for machine in machines], error)
    run = store.update_run(
        run.id,
        status=RunStatus.FAILED if how is Outcome.FAILED else RunStatus.SUCCEEDED,
        outcome=how,
        reason=_reason(run, settled, error),
        ended=_last_look(run, settled),
        findings=_findings(error),
    )
    store.release(run)
    write_evidence(store, run, settled)
    return run


def _reason(run: RunRecord, waves: Waves, error: Error | None) -> str:
    if error is not None:
        return f"{error.name}: {error.cause}"
    bad = [wave for wave, _ in waves if wave.outcome not in (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)]
    return run.reason or (f"wave {bad[0].name}: {bad[0].reason}" if bad else "")


def _findings(error: Error | None) -> tuple[Finding, ...]:
    if error is None:
        return ()
    remedy = "see the findings of each machine, and the log of the function that failed"
    return (Finding("run", f"{error.name}: {error.cause}", "a run ends by its own decision", remedy),)


def _last_look(run: RunRecord, waves: Waves) -> str:
    """The newest instant of the service's clock that the run has seen; ours where it never saw one."""
    looks = [wave.looked for wave, _ in waves if wave.looked]
    return max([*looks, run.started or run.claimed], key=instant)


def write_evidence(store: Store, run: RunRecord, waves: Waves) -> None:
    """evidence.json and summary.md of a run that has its outcome; writing them again changes nothing."""
    executions = [each for each in (run.execution, *(wave.execution for wave, _ in waves)) if each]
    evidence = build(
        run,
        [WaveEvidence(wave, machines, _jobs(store, run, wave)) for wave, machines in waves],
        Executions().transitions(executions),
    )
    store.write_file(run.id, "evidence.json", json.dumps(evidence, indent=2) + "\n", "application/json")
    store.write_file(run.id, "summary.md", render(evidence), "text/markdown; charset=utf-8")


def _jobs(store: Store, run: RunRecord, wave: WaveRecord) -> list[Job]:
    """The wave's jobs with their logs as read last; those that were accepted and never read, all the same."""
    if wave.followed:
        return [store.read_job(run.id, wave.number, job) for job in wave.jobs]
    unread = JobStatus.UNKNOWN
    return [Job(job, run.mode.value, unread, wave.job_status or "", None, None, None) for job in wave.jobs]
