"""report.html: what became of a run, on one page that loads nothing. The outcome comes first, what is long is folded.

A page stays readable, and below 2 MB, for a thousand machines: what does not fit is counted, and evidence.json has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from cutover.downtime import clock
from cutover.instants import instant
from cutover.report import plots
from cutover.report.plots import Bar
from cutover.summary import outcome_words, production_words

BARS = 40
"""Machines on the timeline's plot."""
LINES = 8
"""Machines on the plot of the lag: as many as colours that can be told apart."""
CHECKED = 200
"""Machines of which each check is shown."""
LOG = 400
"""Lines of a job's log: its last ones."""
FINDINGS = 400
PLAN = 200_000
"""Characters of the plan as run."""
CELL = 600
"""Characters of any one text that a machine or a person wrote."""

_GOOD = ("Tested", "CutOver")
_NO_TARGET: Mapping[str, Any] = {
    "instance_id": None,
    "private_ips": (),
    "public_ips": (),
    "type": None,
    "subnet_id": None,
    "replaced": None,
}
_WARN = ("Postponed", "RolledBack", "Aborted", "Refused")


@dataclass(frozen=True)
class _Some:
    """The first of many, and how many there are beside."""

    shown: Sequence[Any]
    more: int


def page(evidence: Mapping[str, Any], plan: str) -> str:
    """The page, of evidence as in docs/schemas/evidence.schema.json, and the plan as run, as JSON that people read."""
    machines = [
        {**machine, "wave": wave["name"], "target": machine["target"] or _NO_TARGET}
        for wave in evidence["waves"]
        for machine in wave["machines"]
    ]
    worst_first = sorted(machines, key=lambda each: each["status"] == "verified")
    verified = sum(1 for each in machines if each["status"] == "verified")
    outcome = evidence["run"]["outcome"]
    night = evidence["night"] or {}
    seconds = night.get("downtime_seconds")
    moments = [(each, _bars(each)) for each in worst_first if each.get("moments")]
    told = [(each["name"], finding) for each in machines for finding in each["findings"]]
    return _template().render(
        evidence=evidence,
        run=evidence["run"],
        night=evidence["night"],
        tone="good" if outcome in _GOOD and verified == len(machines) else "warn" if outcome in _WARN else "bad",
        headline=outcome_words(evidence),
        production=_sentence(production_words(evidence).replace("**", "")),
        verified=verified,
        machines=machines,
        seconds=seconds,
        downtime=plots.downtime(seconds, night["estimate_seconds"]) if seconds is not None else None,
        timeline=plots.timeline([(each["name"], bars) for each, bars in moments[:BARS]]) if moments else None,
        moments=_some([each for each, _ in moments], CHECKED),
        bars=min(len(moments), BARS),
        lags=[_lag(wave, night.get("quiesced")) for wave in evidence["waves"] if _looked(wave)],
        checked=_some([each for each in worst_first if each["checks"] or each["checks_not_made"]], CHECKED),
        decisions=sorted(_decisions(evidence, machines), key=lambda each: instant(each[0])),
        messages=_some(evidence.get("told", ()), CHECKED),
        slack=evidence.get("slack", ()),
        findings=_some([*(("run", each) for each in evidence["run"]["findings"]), *told], FINDINGS),
        jobs=[
            (job, _some(job["log"][-LOG:], 0, len(job["log"]))) for wave in evidence["waves"] for job in wave["jobs"]
        ],
        plan=plan[:PLAN],
        cut=max(len(plan) - PLAN, 0),
    )


def _some(all_of_them: Sequence[Any], most: int, of: int | None = None) -> _Some:
    shown = all_of_them if of is not None else all_of_them[:most]
    return _Some(shown, (len(all_of_them) if of is None else of) - len(shown))


def _bars(machine: Mapping[str, Any]) -> list[Bar]:
    """The spans of a machine's phases. One that has not ended is as long as what is known of the machine."""
    moments = machine["moments"]
    last = max(instant(at) for each in moments for at in (each["begun"], each["done"]) if at)
    return [
        Bar(each["phase"], instant(each["begun"]), instant(each["done"]) if each["done"] else last, not each["done"])
        for each in moments
    ]


def _looked(wave: Mapping[str, Any]) -> bool:
    return any(seconds is not None for look in wave.get("lag", ()) for seconds in look["seconds"].values())


@dataclass(frozen=True)
class _Lag:
    """The lag of a wave's slowest machines before its launch. `plot`: None of a single look, which makes no line.
    `quiesced`: nothing wrote at the source any more, and the plan's limit did not count."""

    wave: str
    plot: Markup | None
    quiesced: bool
    looks: Sequence[Mapping[str, Any]]
    names: Sequence[str]
    more: int


def _lag(wave: Mapping[str, Any], since: str | None) -> _Lag:
    looks = wave["lag"]
    series: dict[str, list[tuple[datetime, int]]] = {}
    for look in looks:
        for name, seconds in look["seconds"].items():
            if seconds is not None:
                series.setdefault(name, []).append((instant(look["at"]), seconds))
    slowest = sorted(series, key=lambda name: -max(seconds for _, seconds in series[name]))
    shown = {name: series[name] for name in slowest[:LINES]}
    quiesced = since is not None and instant(looks[0]["at"]) >= instant(since)
    plot = plots.lag(shown, None if quiesced else wave.get("lag_limit")) if len(looks) > 1 else None
    return _Lag(wave["name"], plot, quiesced, looks, [*shown], len(slowest) - len(shown))


def _decisions(
    evidence: Mapping[str, Any], machines: Iterable[Mapping[str, Any]]
) -> Iterable[tuple[str, str, str, str]]:
    """What people decided: (instant, who, what, why). What nobody answered is told as that."""
    night = evidence["night"]
    for asked in night["questions"] if night else ():
        who = asked["answered_by"] or f"nobody of {' or '.join(asked['by'])}"
        at = asked["answered_at"] or asked["deadline"]
        how = f", by {asked['via']}" if asked.get("via") else ""
        yield at, who, f"{asked['name']}: {asked['answer'] or 'not answered'}{how}", asked["reason"] or ""
    for word in evidence.get("sign_offs", ()):
        whose = word["machine"] or "every machine"
        what = f"{'rejects' if word['rejected'] else 'signs off'} the test of {whose}, by {word['via']}"
        yield word["at"], word["by"], what, word["reason"]
    if night and night["back"]:
        back = night["back"]
        yield back["at"], back["by"], "go back", back["reason"]
    for machine in machines:
        accepted = machine["accepted"]
        if accepted:
            yield accepted["at"], accepted["by"], f"accepts {machine['name']}, {machine['status']}", accepted["reason"]


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cutover.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": clock, "short": _short, "hour": _hour, "word": _word}
    return environment.get_template("report.html.j2")


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _short(text: str) -> str:
    return text if len(text) <= CELL else f"{text[:CELL]}… ({len(text) - CELL} more characters)"


def _hour(at: str | None) -> Markup:
    """An instant, of which the hour counts; the day is there for whoever reads it years later."""
    if at is None:
        return Markup("&ndash;")
    when = instant(at)
    return Markup('<time datetime="{}">{}&nbsp;<small>{}</small></time>').format(
        f"{when:%Y-%m-%dT%H:%M:%SZ}", f"{when:%H:%M:%S}", f"{when:%d %b}"
    )


def _word(name: str) -> str:
    return name.replace("_", " ")
