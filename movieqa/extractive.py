"""Makes answers of evidence: lines quoted with their times, shots with their keyframes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from movieqa.answer import Span
from movieqa.movie import Shot
from movieqa.question import TimedQuestion, TimeWindow
from movieqa.retrieval import MAX_LINES, MAX_SECONDS, LineIndex, Passage
from movieqa.shown import ShownFilm
from movieqa.times import format_time
from movieqa.words import Query
from movieqa.workspace import Workspace

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the film says to a question."""

    text: str
    spans: tuple[Span, ...] = ()
    """Best first; equally good ones in film order."""
    names: tuple[str, ...] = ()
    """Who speaks in the spans."""
    notes: tuple[str, ...] = ()


class Evidence:
    """What has been shown of a film, and its index.

    Args:
        workspace: The film.
        until: Seconds; nothing at or after this time is used or shown. None for the whole film.

    Raises:
        ConfigError: `until` leaves nothing of the film.
    """

    def __init__(self, workspace: Workspace, until: float | None) -> None:
        self.film = ShownFilm.of(workspace, until)
        self._keyframe = workspace.keyframe

    @cached_property
    def index(self) -> LineIndex:
        """The index of the lines shown, built when first needed."""
        return LineIndex(self.film.lines)

    def find(self, question: TimedQuestion, *, max_spans: int) -> Finding:
        """Find what supports an answer."""
        if question.window is not None and question.window.is_empty:
            extent = "the film is" if self.film.is_whole else "what has been shown is"
            return Finding(text=f"There is no such time: {extent} {format_time(self.film.duration)} long.")
        if question.asks_for == "duration":
            return self._duration()
        if question.asks_for == "shot count":
            return self._shot_count(question.window)
        query = self.index.query(question.words)
        if query.terms:
            return self._search(question, query, max_spans=max_spans)
        if question.window is not None:
            return self._list(question, question.window, max_spans=max_spans)
        return Finding(
            text="The question names nothing to look for.",
            notes=('Words of asking, such as "say" or "film", are searched only in quotation marks.',),
        )

    def weigh(self, question: TimedQuestion, option: str, *, max_spans: int) -> Finding:
        """Find the lines that speak most of a question and one of its options together, however little that is."""
        query = self.index.query(f"{question.words} {option}")
        passages = self.index.search(query, window=question.window, limit=max_spans, least=0.0)
        heard = tuple(self._heard(passage, question.window) for passage in passages)
        return Finding(text=option, spans=heard, names=self._speakers(passages))

    # --- by words -------------------------------------------------------------------------------------------------

    def _search(self, question: TimedQuestion, query: Query, *, max_spans: int) -> Finding:
        passages = self.index.search(query, window=question.window, limit=max_spans)
        if not passages:
            return Finding(text=self._nothing(question.window))
        heard = [self._heard(passage, question.window) for passage in passages]
        seen: list[Span] = []
        if question.asks_for == "picture":
            seen = self._shots_during(heard[0])[: max_spans - 1]
        heard = heard[: max_spans - len(seen)]
        spans = sorted([*heard, *seen], key=lambda span: (-span.score, span.start, span.end))
        return Finding(
            text="\n".join(map(_tell, [*(span for span in heard if span.score == heard[0].score), *seen])),
            spans=tuple(spans),
            names=self._speakers(passages[: len(heard)]),
        )

    def _shots_during(self, moment: Span) -> list[Span]:
        """Return the shots on screen during a moment; they support it by how much of it they fill."""
        window = TimeWindow(start=moment.start, end=moment.end)
        length = moment.end - moment.start
        shots = [shot for shot in self.film.shots if window.holds(shot.start, shot.end)]
        shares = [(min(shot.end, window.end) - max(shot.start, window.start)) / length for shot in shots]
        return [
            self._seen(shot, window, score=round(moment.score * share, 6))
            for shot, share in zip(shots, shares, strict=True)
        ]

    # --- by time --------------------------------------------------------------------------------------------------

    def _list(self, question: TimedQuestion, window: TimeWindow, *, max_spans: int) -> Finding:
        shots = [shot for shot in self.film.shots if window.holds(shot.start, shot.end)]
        lines = [index for index, line in enumerate(self.film.lines) if window.holds(line.start, line.end)]
        if question.asks_for == "picture":
            lines = []
        elif question.asks_for == "speech":
            shots = []
        groups = self._group(lines, max_groups=max_spans)
        num_lines = min(len(groups), max(max_spans // 2, max_spans - len(shots)))
        said = [Passage(lines=group, score=1.0) for group in _spread(groups, num_lines)]
        heard = [self._heard(passage, window) for passage in said]
        seen = [self._seen(shot, window) for shot in _spread(shots, max_spans - num_lines)]
        if not heard and not seen:
            return Finding(text=self._nothing(window))
        spans = sorted([*heard, *seen], key=lambda span: (span.start, span.end, span.known))
        num_left = len(shots) + len(groups) - len(spans)
        note = f"{len(spans)} of {len(spans) + num_left} moments of this time are listed, spread over it."
        return Finding(
            text="\n".join(map(_tell, spans)),
            spans=tuple(spans),
            names=self._speakers(said),
            notes=(note,) if num_left else (),
        )

    def _group(self, lines: Sequence[int], *, max_groups: int) -> list[tuple[int, ...]]:
        """Put lines said at the same time together, and neighbours too where there would be too many groups."""
        groups = self._join(lines, max_lines=1)
        return groups if len(groups) <= max_groups else self._join(lines, max_lines=MAX_LINES)

    def _join(self, lines: Sequence[int], *, max_lines: int) -> list[tuple[int, ...]]:
        groups: list[tuple[int, ...]] = []
        start = end = 0.0
        for index in lines:
            line = self.film.lines[index]
            is_near = bool(groups) and len(groups[-1]) < max_lines and max(end, line.end) - start <= MAX_SECONDS
            if groups and (line.start < end or is_near):
                groups[-1] += (index,)
                end = max(end, line.end)
            else:
                groups.append((index,))
                start, end = line.start, line.end
        return groups

    # --- facts ----------------------------------------------------------------------------------------------------

    def _duration(self) -> Finding:
        shown = format_time(self.film.duration)
        if self.film.is_whole:
            text = f"The film is {shown} long."
        else:
            text = f"{shown} of the film have been shown; how long it is would tell what comes later."
        return Finding(text=text, spans=(self._stretch(TimeWindow(start=0.0, end=self.film.duration)),))

    def _shot_count(self, window: TimeWindow | None) -> Finding:
        part = window or TimeWindow(start=0.0, end=self.film.duration)
        number = sum(part.holds(shot.start, shot.end) for shot in self.film.shots)
        where = "in the film" if window is None and self.film.is_whole else f"from {_between(part)}"
        return Finding(text=f"{number} shot{'s' * (number != 1)} {where}.", spans=(self._stretch(part),))

    def _stretch(self, window: TimeWindow) -> Span:
        shot = self.film.shot_at(window.start)
        return Span(
            start=window.start, end=window.end, known="seen", score=1.0, shot=None if shot is None else shot.index
        )

    # --- spans and texts ------------------------------------------------------------------------------------------

    def _heard(self, passage: Passage, window: TimeWindow | None) -> Span:
        lines = [self.film.lines[index] for index in passage.lines]
        part = TimeWindow(start=min(line.start for line in lines), end=max(line.end for line in lines))
        if window is not None:
            part = part.cut(window.start, window.end)
        speakers = {line.speaker for line in lines}
        sources = {line.source for line in lines}
        texts = [f"{line.speaker}: {line.text}" if line.speaker and len(speakers) > 1 else line.text for line in lines]
        shot = self.film.shot_at(part.start)
        return Span(
            start=part.start,
            end=part.end,
            known="heard",
            score=passage.score,
            quote="\n".join(texts),
            speaker=speakers.pop() if len(speakers) == 1 else None,
            source=(sources.pop() or None) if len(sources) == 1 else None,
            shot=None if shot is None else shot.index,
            keyframe=None if shot is None else self._picture(shot),
        )

    def _seen(self, shot: Shot, window: TimeWindow, *, score: float = 1.0) -> Span:
        return Span(
            start=max(shot.start, window.start),
            end=min(shot.end, window.end),
            known="seen",
            score=score,
            shot=shot.index,
            keyframe=self._picture(shot),
        )

    def _picture(self, shot: Shot) -> str | None:
        return self._keyframe(shot) if shot.index < self.film.num_whole_shots else None

    def _speakers(self, passages: Iterable[Passage]) -> tuple[str, ...]:
        lines = [self.film.lines[index] for passage in passages for index in passage.lines]
        return tuple(dict.fromkeys(line.speaker for line in lines if line.speaker))

    def _nothing(self, window: TimeWindow | None) -> str:
        if window is not None:
            return f"Nothing from {_between(window)} supports an answer."
        if not self.film.is_whole:
            return f"Nothing up to {format_time(self.film.duration)} supports an answer."
        if not self.film.lines:
            return "The film has no subtitles, so nothing said in it can be searched."
        return "Nothing in the film's subtitles supports an answer."


def _between(window: TimeWindow) -> str:
    return f"{format_time(window.start)} to {format_time(window.end)}"


def _tell(span: Span) -> str:
    """Write a moment as a line of an answer."""
    when = f"{format_time(span.start)}-{format_time(span.end)}"
    if span.quote is None:
        return f"{when} {span.keyframe or 'a shot whose picture may show what comes later'}"
    speaker = f"{span.speaker}: " if span.speaker else ""
    return f"{when} {speaker}“{' / '.join(span.quote.splitlines())}”"


def _spread(items: Sequence[_Item], number: int) -> list[_Item]:
    """Choose items evenly, the first and the last among them."""
    if len(items) <= number:
        return list(items)
    if number == 1:
        return [items[len(items) // 2]]
    return [items[round(index * (len(items) - 1) / (number - 1))] for index in range(number)]
