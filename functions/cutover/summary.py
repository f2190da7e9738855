"""summary.md: the page one would mail on Sunday morning, from the evidence alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutover.downtime import clock

_TITLES = {
    "Tested": "tested: every machine verified",
    "CutOver": "cut over: every machine verified",
    "Postponed": "postponed: not ready by the deadline",
    "Refused": "refused: a rule forbids the launch",
    "Failed": "failed: not every machine is verified",
    "Aborted": "aborted",
    "RolledBack": "rolled back",
    None: "still running",
}


def render(evidence: Mapping[str, Any]) -> str:
    """The evidence of a run as one page of Markdown."""
    run, plan = evidence["run"], evidence["plan"]
    machines = [machine for wave in evidence["waves"] for machine in wave["machines"]]
    verified = sum(1 for machine in machines if machine["status"] == "verified")
    lines = [f"# {plan['name']}, {run['mode']}: {_title(evidence, verified, len(machines))}", ""]
    if evidence["simulated"]:
        lines += ["**Simulated.** AWS was a stage on one machine: these instances exist nowhere else.", ""]
    lines += [f"- {verified} of {len(machines)} machines verified; {production_words(evidence)}"]
    if evidence["night"]:
        lines += _outcome(evidence["night"])
    lines += [
        f"- run `{run['id']}`, {run['started'] or 'not started'} to {run['ended'] or 'now'} ({run['clock']} clock)",
        f"- plan `{plan['sha256'][:12]}`",
    ]
    if evidence.get("report"):
        lines.append(
            f"- report.html could not be made: {_cell(evidence['report'])}; evidence.json has all that is known"
        )
    if run["reason"]:
        lines.append(f"- reason: {_cell(run['reason'])}")
    lines += [f"- {_finding(finding)}" for finding in run["findings"]]
    if evidence["night"]:
        lines += ["", *_night(evidence["night"])]
    for wave in evidence["waves"]:
        lines += ["", *_wave(wave)]
    lines += ["", "## Effort", "", "| requests | |", "|---|---:|"]
    lines += [f"| {operation} | {count} |" for operation, count in evidence["requests"].items()]
    lines += [f"| state transitions | {evidence['transitions']} |", ""]
    return "\n".join(lines)


def outcome_words(evidence: Mapping[str, Any]) -> str:
    """How the run ended, in one sentence: what became of the machines, and for how long users were shut out."""
    machines = [machine for wave in evidence["waves"] for machine in wave["machines"]]
    verified = sum(1 for machine in machines if machine["status"] == "verified")
    words = _title(evidence, verified, len(machines))
    night = evidence["night"]
    if night and night["downtime_seconds"] is not None:
        planned = clock(night["estimate_seconds"])
        words += f"; users were shut out for {clock(night['downtime_seconds'])}, planned {planned}"
    return f"{words[0].upper()}{words[1:]}"


def _title(evidence: Mapping[str, Any], verified: int, of: int) -> str:
    night, title = evidence["night"], _TITLES[evidence["run"]["outcome"]]
    if evidence["run"]["outcome"] == "Failed" and night and night["closed"]:
        title = "failed: the night did not come to its end"
    return title if verified == of else title.replace("every machine verified", f"{verified} of {of} machines verified")


def production_words(evidence: Mapping[str, Any]) -> str:
    """Who holds production now, and since when, in Markdown."""
    now = evidence["production"][-1]
    if now["since"] is not None:
        return f"production is held by {_HOLDERS[now['holder']]} since {now['since']}"
    touched = "has shut nobody out" if evidence["night"] else "stopped no source machine and moved no users"
    return f"production is held by the **source**: this run {touched}"


_HOLDERS = {"source": "the **source**, its doors open again,", "nobody": "**nobody**", "target": "the **targets**"}


def _outcome(night: Mapping[str, Any]) -> list[str]:
    """What people ask first: how long, how it stands, and what going back would cost, or has cost."""
    lines = []
    planned = clock(night["estimate_seconds"])
    if night["downtime_seconds"] is not None:
        lines.append(f"- users were shut out for {clock(night['downtime_seconds'])}, planned {planned}")
    elif night["closed"]:
        lines.append(f"- users are shut out since {night['closed']}, planned {planned}")
    if night["back"]:
        back = night["back"]
        how = "by itself" if back["automatic"] else "by hand"
        went = "rolled back" if night["reopened"] else "goes back"
        lines.append(f"- {went} {how}, by {_cell(back['by'])}, from {back['at']} on: {_cell(back['reason'])}")
        lines.append(f"- {_stays(back['data_stays'])}")
    elif night["opened"]:
        lines.append(f"- going back now would lose what is entered after {night['opened']}")
        lines.append(f"- committed {night['committed']}" if night["committed"] else "- not committed")
    if night["hold"]:
        hold = night["hold"]
        since = f"{hold['since']}, to be decided by {hold['deadline']}"
        lines.append(f"- holds at {hold['part'].replace('_', ' ')} since {since}: {_cell(hold['reason'])}")
    return lines


def _stays(stays: Mapping[str, Any] | None) -> str:
    if stays is None:
        return "users were never on the targets; nothing was lost"
    span = f"from {stays['from']} to {stays['to']}" if stays["to"] else f"since {stays['from']}"
    return f"what users entered on the targets {span} stays only on the stopped targets"


def _night(night: Mapping[str, Any]) -> list[str]:
    """The night's timeline: what was done when, and who decided what."""
    lines = ["## The night", "", "| at | what |", "|---|---|"]
    lines += [f"| {at} | {_cell(what)} |" for at, what in sorted(_events(night), key=lambda each: each[0])]
    if night["steps"]:
        lines += ["", "| step | part | state | begun | done | undone | seen |", "|---|---|---|---|---|---|---|"]
        for step in night["steps"]:
            cells = [step["name"], step["part"].replace("_", " "), f"**{step['state']}**", step["begun"]]
            cells += [step["done"] or "-", step["undone"] or "-", step["seen"] or "-"]
            lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return lines


def _events(night: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(night[name], what) for name, what in _MILESTONES.items() if night[name]]
    parts = [part for part in night["parts"] if part["part"] not in _MILESTONE_PARTS]
    found += [(part["done"], f"done: {part['part'].replace('_', ' ')}") for part in parts]
    for question in night["questions"]:
        who = " or ".join(question["by"])
        found.append((question["asked"], f"{question['name']} asked of {who}, by {question['deadline']}"))
        if question["answer"]:
            why = f": {question['reason']}" if question["reason"] else ""
            at = question["answered_at"] or question["deadline"]
            found.append((at, f"{question['answered_by']} says {question['answer']} to {question['name']}{why}"))
    if night["back"]:
        found.append((night["back"]["at"], f"{night['back']['by']} goes back: {night['back']['reason']}"))
    return found


_MILESTONES = {
    "closed": "**users are shut out**",
    "switching": "the switch begins",
    "opened": "**users are on the targets**",
    "reopened": "**users are on the source again**",
    "committed": "committed",
}
_MILESTONE_PARTS = ("probe", "open_doors", "commit")
"""Parts whose end is one of these."""


def _wave(wave: Mapping[str, Any]) -> list[str]:
    lines = [f"## Wave {wave['name']}", ""]
    lines += [
        f"Job `{job['id']}` ({job['type']}): {job['status']}, {len(job['log'])} log lines" for job in wave["jobs"]
    ]
    lines += ["", "| machine | status | target | private IP | public IP | replaced | checks passed |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for machine in wave["machines"]:
        target = machine["target"] or {}
        passed = sum(1 for check in machine["checks"] if check["passed"])
        cells = [
            machine["name"] + (f" ({machine['group']})" if machine.get("group") else ""),
            _status(machine),
            target.get("instance_id") or "-",
            ", ".join(target.get("private_ips", ())) or "-",
            ", ".join(target.get("public_ips", ())) or "-",
            target.get("replaced") or "-",
            f"{passed} of {len(machine['checks'])}",
        ]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    told = [(machine["name"], finding) for machine in wave["machines"] for finding in machine["findings"]]
    lines += _more(wave["machines"])
    if told:
        lines += ["", *(f"- **{_cell(name)}** {finding['severity']}: {_finding(finding)}" for name, finding in told)]
    return lines


def _status(machine: Mapping[str, Any]) -> str:
    level, accepted = machine.get("level"), machine.get("accepted")
    said = f"**{machine['status']}**" + (f" ({level})" if level else "")
    return f"{said}, accepted by {accepted['by']}: {accepted['reason']}" if accepted else said


def _more(machines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Checks that were not made, with the machines they were not made on; and what was kept of consoles."""
    missing: dict[str, list[str]] = {}
    for machine in machines:
        for words in machine.get("checks_not_made", ()):
            missing.setdefault(words, []).append(machine["name"])
    lines = [f"- not checked on {', '.join(names)}: {words}" for words, names in missing.items()]
    lines += [f"- **{each['name']}** console: `{key}`" for each in machines for key in each.get("console", ())]
    return ["", *map(_cell, lines)] if lines else []


def _finding(finding: Mapping[str, str]) -> str:
    field, seen, rule, remedy = (_cell(finding[part]) for part in ("field", "seen", "rule", "remedy"))
    return f"{field}: seen {seen}; rule: {rule}; do: {remedy}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
