"""summary.md: the page one would mail on Sunday morning, from the evidence alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    title = _TITLES[run["outcome"]]
    if verified < len(machines):
        title = title.replace("every machine verified", f"{verified} of {len(machines)} machines verified")
    lines = [f"# {plan['name']}, {run['mode']}: {title}", ""]
    if evidence["simulated"]:
        lines += ["**Simulated.** AWS was a stage on one machine: these instances exist nowhere else.", ""]
    lines += [
        f"- {verified} of {len(machines)} machines verified; production is held by the **source**: "
        "this run stopped no source machine and moved no users",
        f"- run `{run['id']}`, {run['started'] or 'not started'} to {run['ended'] or 'now'} ({run['clock']} clock)",
        f"- plan `{plan['sha256'][:12]}`",
    ]
    if run["reason"]:
        lines.append(f"- reason: {_cell(run['reason'])}")
    lines += [f"- {_finding(finding)}" for finding in run["findings"]]
    for wave in evidence["waves"]:
        lines += ["", *_wave(wave)]
    lines += ["", "## Effort", "", "| requests | |", "|---|---:|"]
    lines += [f"| {operation} | {count} |" for operation, count in evidence["requests"].items()]
    lines += [f"| state transitions | {evidence['transitions']} |", ""]
    return "\n".join(lines)


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
            f"**{machine['status']}**",
            target.get("instance_id") or "-",
            ", ".join(target.get("private_ips", ())) or "-",
            ", ".join(target.get("public_ips", ())) or "-",
            target.get("replaced") or "-",
            f"{passed} of {len(machine['checks'])}",
        ]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    told = [(machine["name"], finding) for machine in wave["machines"] for finding in machine["findings"]]
    if told:
        lines += ["", *(f"- **{_cell(name)}** {finding['severity']}: {_finding(finding)}" for name, finding in told)]
    return lines


def _finding(finding: Mapping[str, str]) -> str:
    field, seen, rule, remedy = (_cell(finding[part]) for part in ("field", "seen", "rule", "remedy"))
    return f"{field}: seen {seen}; rule: {rule}; do: {remedy}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
