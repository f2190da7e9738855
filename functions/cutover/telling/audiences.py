"""Who reads what of a piece of news: a letter for each audience that the plan has, in its language."""

from __future__ import annotations

from collections.abc import Mapping

from cutover.planned_telling import Audience
from cutover.telling.catalogue import Language, Say
from cutover.telling.messages import Message, News, holder_line, subject
from cutover.telling.next_word import NextWord, next_word
from cutover.telling.pager import pager, told_to_pager
from cutover.telling.situation import Situation, engineers
from cutover.telling.stakeholders import stakeholders, told_to_stakeholders
from cutover.told_records import Letter

UNCOMPOSED = "This message could not be composed; what was recorded is in the run's records"


def letters(news: News, here: Situation, told: Mapping[Audience, int]) -> list[Letter]:
    """The letters of this news, the engineers' first. `told`: how many each audience has had of this run."""
    following = next_word(news, here)
    found = []
    for audience in (Audience.ENGINEERS, Audience.STAKEHOLDERS, Audience.PAGER):
        channel = here.plan.telling.audiences.get(audience)
        if channel is None or not _concerns(audience, news, here, told.get(audience, 0)):
            continue
        message = _composed(audience, news, here, Language(channel.language), following)
        where = {"language": channel.language, "topic": channel.topic, "slack": channel.slack}
        found.append(Letter(audience, subject=message.subject, text=message.text, **where))
    return found


def _composed(audience: Audience, news: News, here: Situation, language: Language, following: NextWord) -> Message:
    """The message; where it cannot be composed, what is known all the same: nothing goes untold for its words."""
    try:
        return message_for(audience, news, here, language, following)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the words, people hear of the run
        about = f"{here.run.plan} {here.run.mode.value}: {news.value}"
        why = f"{UNCOMPOSED} ({type(error).__name__})"
        lines = [why, here.run.reason, holder_line(here.night, here.run), f"Run {here.run.id}"]
        return Message(subject(here.run, about), "\n".join(line for line in lines if line))


def message_for(
    audience: Audience, news: News, here: Situation, language: Language, following: NextWord | None = None
) -> Message:
    """The message of this news as this audience reads it."""
    say, following = Say(language), following or next_word(news, here)
    if audience is Audience.STAKEHOLDERS:
        return stakeholders(news, here, say, following)
    message = pager(news, here, say) if audience is Audience.PAGER else engineers(news, here, say)
    promised = say("next.line", when=say(following.when), by=following.by)
    return Message(message.subject, f"{message.text}\n{promised}")


def _concerns(audience: Audience, news: News, here: Situation, told: int) -> bool:
    match audience:
        case Audience.STAKEHOLDERS:
            return told_to_stakeholders(news, here, told)
        case Audience.PAGER:
            return told_to_pager(news, here)
    return True
