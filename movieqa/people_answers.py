"""Answers questions about who is on screen from the cast alone, exactly and with the moments."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from movieqa.answer import Answer, Span
from movieqa.errors import ConfigError
from movieqa.identity import Cast, Identity, shown_before
from movieqa.intervals import Interval, total
from movieqa.times import format_time, parse_time

ANSWERER = "identity memory"

_MAX_QUESTION = 500
_MAX_SPANS = 5
_BE = "(?:is|are|was|were)"
_DO = "(?:does|do|did)"
_FILM = "(?: (?:in|of|is in|are in) (?:the|this) (?:film|movie|video|picture))?"
_SCREEN = "(?:on (?:the )?screen|on camera|in (?:the )?picture)"
_SEEN = f"(?:appears?|seen|see|shown|shows? up|visible|introduced|enters?|comes? in|{_SCREEN})"
_TIME = r"(?P<time>\d[\d:.,]*(?:\s*(?:h|m|s|min|sec|hours?|minutes?|seconds?)\b[\s\d.hms]*)?)"
_WHO = "(?P<who>.+?)"
_TOGETHER = "(?:meet|together|(?:appear|seen|on screen) together|share a shot|share the screen)"
_WITH = "(?:with|beside|next to|near|accompanying)"

_AT = (
    f"(?:who|which people|what people) (?:{_BE}|do we see|can (?:we|you|i) see|appears?)"
    f"(?: seen| shown| visible)?(?: {_SCREEN}| there)? (?:at|around|@) {_TIME}"
)
_EVERYBODY = (
    f"(?:who|which people|which characters|what people) (?:{_BE}|appears?|do we see)(?: seen| shown| in| {_SCREEN})*"
    " (?:the|this) (?:film|movie|video|cast)"
)
_COUNT = f"how many (?:people|persons|characters|actors) (?:{_BE}|appear|do we see)(?: there| seen| {_SCREEN})*{_FILM}"
_FIRST = (
    f"(?:when|where|at (?:what|which) (?:time|moment|point)) (?:{_BE}|{_DO}|can we|do we|do you) {_WHO} (?:be )?"
    f"(?:(?P<order>first|last|initially|finally) )?(?:be )?{_SEEN}(?: for the (?P<late>first|last) time)?{_FILM}"
)
_MEET = (
    f"(?:when|where) (?:{_BE}|{_DO}) {_WHO} and (?P<other>.+?) (?:first )?{_TOGETHER}(?: for the first time)?{_FILM}"
)
_COMPANY = f"(?:who|whom) (?:{_BE}|{_DO}|appears?) (?:(?:{_SCREEN}|seen|shown|together) )?{_WITH} {_WHO}{_FILM}"
_COMPANY_LATE = f"(?:who|whom) (?:{_BE}|{_DO}) {_WHO} (?:{_SEEN}|{_TOGETHER})(?: together)?(?: with)?{_FILM}"
_LONG = (
    f"(?:for )?how (?:long|much (?:screen ?)?time) (?:{_BE}|{_DO}|has|have) {_WHO} (?:get|have|{_SEEN})(?: for)?{_FILM}"
)
_SCREEN_TIME = f"what is (?:the )?(?:screen ?time of {_WHO}|(?P<owner>.+?)(?:'s|’s|s') screen ?time){_FILM}"
_OFTEN = f"how (?:often|many times) (?:{_BE}|{_DO}) {_WHO} {_SEEN}{_FILM}"


def answer_about_people(question: str, cast: Cast, until: float | None = None) -> Answer | None:
    """Answer a question that is about who is on screen; return None for any other, so that others may answer.

    Understood are, in English, "When does Julia first appear?", "When are Julia and Jack on screen together?", "Who is
    with Julia?", "How long is Julia on screen?", "How often does Julia appear?", "Who is on screen at 00:12:30?", "Who
    is in the film?" and their like; people are meant by name or as "person 7". A question about somebody the cast does
    not know is not answered here: the name may be in the subtitles.

    Args:
        question: The question.
        cast: The film's people.
        until: Nothing at or after this time, in seconds, is used or shown.
    """
    text = " ".join(question.split()).strip(" ?!.")
    if not text or len(text) > _MAX_QUESTION:
        return None
    limit = math.inf if until is None else until
    for pattern, reply in _KINDS:
        match = pattern.fullmatch(text)
        if match is not None:
            answer = reply(_Asked(question, cast, limit, until), match)
            if answer is not None:
                return answer
    return None


class _Asked:
    """A question, the cast, and how far may be looked."""

    def __init__(self, question: str, cast: Cast, limit: float, until: float | None) -> None:
        self.question = question
        self.cast = cast
        self.limit = limit
        self._until = until

    def who(self, text: str | None) -> Identity | None:
        """Return whom a part of the question means; None for somebody the cast does not know."""
        if not text:
            return None
        name = re.sub(r"^(?:the (?=person \d))", "", text.strip(" \"'“”"), flags=re.IGNORECASE)
        try:
            return self.cast.find(name)
        except ConfigError:
            return None

    def shown(self, spans: Sequence[Interval]) -> tuple[Interval, ...]:
        """Return what of some intervals may be shown."""
        return shown_before(spans, self.limit)

    def answer(
        self, text: str, spans: Sequence[Interval], people: Sequence[Identity], notes: Sequence[str] = ()
    ) -> Answer:
        """Return an answer with its moments, the first five in the order given."""
        more = len(spans) - _MAX_SPANS
        return Answer(
            question=self.question,
            text=text,
            answerer=ANSWERER,
            spans=tuple(Span(start=span.start, end=span.end, known="seen", score=1.0) for span in spans[:_MAX_SPANS]),
            names=tuple(dict.fromkeys(one.name for one in people if one.name)),
            until=self._until,
            notes=(
                f"faces were recognised by {self.cast.provider}: {self.cast.abilities}",
                *([f"{more} more moments"] if more > 0 else []),
                *notes,
            ),
        )

    def unseen(self, *people: Identity, together: bool = False) -> Answer:
        """Return the answer that somebody is not seen in the part that may be looked at."""
        what = "together" if together else "on screen"
        before = "" if self._until is None else f" before {format_time(self._until)}"
        return self.answer(f"{_subject(*people)} {_be(people)} not seen {what}{before}.", (), people)


def _first(asked: _Asked, match: re.Match[str]) -> Answer | None:
    one = asked.who(match["who"])
    if one is None:
        return None
    spans = asked.shown(one.spans)
    if not spans:
        return asked.unseen(one)
    if "last" in (match["order"] or match["late"] or "") or match["order"] == "finally":
        return asked.answer(f"{_subject(one)} is last seen until {format_time(spans[-1].end)}.", spans[-1:], [one])
    if not (match["order"] or match["late"]):
        times = ", ".join(format_time(span.start) for span in spans[:_MAX_SPANS])
        more = f" and {len(spans) - _MAX_SPANS} times more" if len(spans) > _MAX_SPANS else ""
        return asked.answer(f"{_subject(one)} is on screen from {times}{more}.", spans, [one])
    return asked.answer(f"{_subject(one)} first appears at {format_time(spans[0].start)}.", spans[:1], [one])


def _meet(asked: _Asked, match: re.Match[str]) -> Answer | None:
    one, other = asked.who(match["who"]), asked.who(match["other"])
    if one is None or other is None or one.id == other.id:
        return None
    company = next(
        (entry for entry in asked.cast.together(one, until=asked.limit) if entry.identity.id == other.id), None
    )
    if company is None:
        return asked.unseen(one, other, together=True)
    both, first = _subject(one, other), format_time(company.spans[0].start)
    text = f"{both} are first on screen together at {first}, for {_seconds(company.seconds)} in all."
    return asked.answer(text, company.spans, [one, other])


def _company(asked: _Asked, match: re.Match[str]) -> Answer | None:
    one = asked.who(match["who"])
    if one is None:
        return None
    if not asked.shown(one.spans):
        return asked.unseen(one)
    company = asked.cast.together(one, until=asked.limit)
    if not company:
        return asked.answer(f"{_subject(one)} is never on screen with anybody else.", asked.shown(one.spans), [one])
    listed = ", ".join(f"{entry.identity.label} ({_seconds(entry.seconds)})" for entry in company)
    spans = [entry.spans[0] for entry in company]
    return asked.answer(
        f"{_subject(one)} is on screen with {listed}.", spans, [one, *(entry.identity for entry in company)]
    )


def _long(asked: _Asked, match: re.Match[str]) -> Answer | None:
    groups = match.groupdict()
    one = asked.who(groups.get("who") or groups.get("owner"))
    if one is None:
        return None
    spans = asked.shown(one.spans)
    if not spans:
        return asked.unseen(one)
    longest = sorted(spans, key=lambda span: (-span.seconds, span.start))
    text = f"{_subject(one)} is on screen for {_seconds(total(spans))}, in {_times(len(spans))}."
    return asked.answer(text, longest, [one])


def _at(asked: _Asked, match: re.Match[str]) -> Answer | None:
    try:
        time = parse_time(match["time"].strip(" ,."))
    except ConfigError:
        return None
    if time >= asked.limit:
        return asked.answer(f"{format_time(time)} is not shown yet.", (), ())
    here = asked.cast.on_screen(time)
    if not here:
        return asked.answer(f"Nobody who was recognised is on screen at {format_time(time)}.", (), ())
    spans = [next(span for span in asked.shown(one.spans) if span.start <= time < span.end) for one in here]
    order = " (from left to right)" if len(here) > 1 else ""
    text = f"At {format_time(time)}: {', '.join(one.label for one in here)}{order}."
    return asked.answer(text, spans, here)


def _everybody(asked: _Asked, match: re.Match[str]) -> Answer | None:
    seen = [(total(spans), one, spans) for one in asked.cast.identities if (spans := asked.shown(one.spans))]
    if not seen:
        return asked.answer("Nobody was recognised.", (), ())
    ordered = sorted(seen, key=lambda entry: (entry[1].name is None, -entry[0], entry[1].id))
    listed = ", ".join(f"{one.label} ({_seconds(seconds)})" for seconds, one, _ in ordered[:20])
    more = f" and {len(ordered) - 20} more" if len(ordered) > 20 else ""
    count = f"{len(ordered)} people were" if len(ordered) > 1 else "One person was"
    return asked.answer(
        f"{count} recognised: {listed}{more}.", [spans[0] for _, _, spans in ordered], [one for _, one, _ in ordered]
    )


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def _times(count: int) -> str:
    return "one stretch" if count == 1 else f"{count} stretches"


def _be(people: Sequence[Identity]) -> str:
    return "is" if len(people) == 1 else "are"


def _subject(*people: Identity) -> str:
    """Return people as a sentence begins with them: names as they are, `person 7` as `Person 7`."""
    labels = [one.label for one in people]
    if people[0].name is None:
        labels[0] = labels[0][0].upper() + labels[0][1:]
    return " and ".join(labels)


_Reply = Callable[[_Asked, "re.Match[str]"], Answer | None]
_KINDS: tuple[tuple[re.Pattern[str], _Reply], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reply)
    for pattern, reply in (
        (_AT, _at),
        (_EVERYBODY, _everybody),
        (_COUNT, _everybody),
        (_MEET, _meet),
        (_FIRST, _first),
        (_COMPANY, _company),
        (_COMPANY_LATE, _company),
        (_LONG, _long),
        (_SCREEN_TIME, _long),
        (_OFTEN, _long),
    )
)
