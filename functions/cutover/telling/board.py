"""A run in a channel of Slack, as Block Kit: one message that is kept up to date, and its news in the thread.

Shapes and limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks; 3,000 characters in a section's text,
150 in a header's, 75 in a button's). What a run quotes is escaped: no name of a machine calls a person or a channel.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from cutover.downtime import clock
from cutover.instants import instant
from cutover.night_records import NightRecord, QuestionRecord
from cutover.records import MachineRecord, MachineStatus, Phase, WaveRecord
from cutover.telling.catalogue import Say
from cutover.telling.messages import holder_line, machine_lines
from cutover.telling.questions import is_step
from cutover.telling.situation import Situation
from cutover.told_records import Letter, Told

YES, NO = "decide_yes", "decide_no"
"""What the buttons are called in what Slack sends when one is pressed."""
_SECTION = 2_900
_SECTIONS = 12
_MACHINES = 25
_BAR = 10

Block = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A message for Slack. `text` is what notifications show."""

    text: str
    blocks: list[Block]

    @property
    def digest(self) -> str:
        """Changes whenever what it shows does."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()[:16]


def board(here: Situation, told: Sequence[Told], say: Say) -> Shown:
    """The run's message: who serves users, how long the outage takes, waves, machines, the last milestone."""
    run, night = here.run, here.night
    stage = "[SIMULATED] " if run.simulated else ""
    title = f"{stage}{run.plan} {run.mode.value}"
    last = told[-1] if told else None
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:150], "emoji": False}},
        _section(escape(holder_line(night, run, say), quote=False)),
    ]
    if clock_line := _downtime(here, night, say):
        blocks.append(_section(clock_line))
    blocks.append(_section("\n".join(_wave(wave, machines, say) for wave, machines in here.waves)))
    if machines := _machines(here, say):
        blocks.append(_section(machines))
    if last is not None:
        milestone = say("board.last", at=_at(last.at), subject=escape(last.letters[0].subject, quote=False))
        following = say("board.next", at=_at(last.next_word)) if last.next_word else say("board.no_next")
        blocks.append(_context(milestone, following, f"`{run.id}`"))
    return Shown(f"{title}: {last.letters[0].subject if last else ''}", blocks)


def reply(letter: Letter) -> Shown:
    """A piece of news in the thread."""
    bold = f"*{escape(letter.subject, quote=False)}*"
    parts = list(_parts(escape(letter.text, quote=False)))
    more = [f"_{len(parts) - _SECTIONS} …_"] if len(parts) > _SECTIONS else []
    return Shown(letter.subject, [_section(bold), *(_section(part) for part in (*parts[:_SECTIONS], *more))])


def with_buttons(shown: Shown, question: QuestionRecord, id_: str, say: Say) -> Shown:
    """The same with a button for each answer; each asks once more, so that no thumb decides by accident."""
    kind = "step" if is_step(question) else "approval"
    return Shown(
        shown.text,
        [
            *shown.blocks,
            {
                "type": "actions",
                "elements": [
                    _button(say(f"board.yes_{kind}"), YES, id_, "primary", say),
                    _button(say(f"board.no_{kind}"), NO, id_, "danger", say),
                ],
            },
        ],
    )


def decided(blocks: Sequence[Block], line: str) -> list[Block]:
    """The message of a question that is answered: no buttons, and who said what."""
    kept = [block for block in blocks if block.get("type") != "actions"]
    return [*kept, _context(escape(line, quote=False))]


def _button(text: str, action: str, value: str, style: str, say: Say) -> Block:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": text[:75], "emoji": False},
        "action_id": action,
        "value": value,
        "style": style,
        "confirm": {
            "title": {"type": "plain_text", "text": text[:100]},
            "text": {"type": "plain_text", "text": say("board.sure")},
            "confirm": {"type": "plain_text", "text": text[:30]},
            "deny": {"type": "plain_text", "text": say("board.not_yet")},
        },
    }


def _downtime(here: Situation, night: NightRecord, say: Say) -> str:
    """The clock of the outage: running from when users were shut out, or how long it was."""
    planned = clock(here.plan.night.estimate) if here.plan.night else ""
    if night.closed is None:
        return ""
    end = night.opened or night.reopened
    if end is None:
        return say("board.closed", at=_at(night.closed), planned=planned)
    took = clock(int((instant(end) - instant(night.closed)).total_seconds()))
    return say("board.was_closed", took=took, planned=planned)


def _wave(wave: WaveRecord, machines: Sequence[MachineRecord], say: Say) -> str:
    """E.g. `db` ██████░░░░ 3 of 5 verified · following."""
    good = sum(each.status is MachineStatus.VERIFIED for each in machines)
    full = _BAR * good // max(len(machines), 1)
    bar = "█" * full + "░" * (_BAR - full)
    phase = say(f"board.{wave.phase.value}")
    if wave.phase is Phase.WAITING and wave.started:
        phase = say("board.ready", ready=wave.ready, total=wave.total)
    counted = say("board.verified", good=good, total=len(machines))
    return f"`{escape(wave.name, quote=False)}` {bar} {counted} · {phase}"


def _machines(here: Situation, say: Say) -> str:
    """Those that are judged or launched, what is wrong first; of very many, as many as can be read."""
    seen = [
        each
        for _, some in here.waves
        for each in some
        if each.status is not MachineStatus.NOT_STARTED or each.target is not None
    ]
    worst_first = sorted(seen, key=lambda each: each.status is MachineStatus.VERIFIED)
    lines = [escape(machine_lines(each, say)[0].strip(), quote=False)[:200] for each in worst_first[:_MACHINES]]
    if len(seen) > _MACHINES:
        lines.append(say("machine.more", more=len(seen) - _MACHINES))
    text = "\n".join(lines)
    return text if len(text) <= _SECTION else text[:_SECTION].rsplit("\n", 1)[0]


def _parts(text: str) -> list[str]:
    """The text in pieces that a section takes, cut between lines where it can be."""
    parts: list[str] = []
    for line in text.split("\n"):
        for begin in range(0, max(len(line), 1), _SECTION):
            piece = line[begin : begin + _SECTION]
            if parts and len(parts[-1]) + 1 + len(piece) <= _SECTION:
                parts[-1] += "\n" + piece
            else:
                parts.append(piece)
    return [part if part.strip() else "…" for part in parts]


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(*texts: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:2_900]} for text in texts]}


def _at(given: str) -> str:
    """An instant that each reader sees by the clock of where they are; in UTC where Slack cannot."""
    return f"<!date^{int(instant(given).timestamp())}^{{date_short_pretty}} {{time}}|{given}>"
