"""Ties a model's answer to moments of the film, and checks each of them against what is said and shown there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from movieqa.answer import Known, Span
from movieqa.languages import guess_language
from movieqa.moments import Moment, NamedTime, Origin
from movieqa.movie import Shot, Subtitle
from movieqa.question import TimeWindow
from movieqa.shown import ShownFilm
from movieqa.words import Analyzer, split_words

NEAR = 3.0
"""Seconds by which a model may be off when it names a time."""
_MIN_SHARE = 0.3  # of an answer's words that lines must carry to be what the answer rests on
_NAMED_SCORE = 0.5  # of a named time that holds up; more when something else points there too
_UNPROVED = 0.5  # what a moment is worth when nothing there carries the answer
_ORDER: tuple[Known, ...] = ("heard", "seen", "inferred", "not found")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The spans of an answer, and what cannot be a span."""

    spans: tuple[Span, ...]
    """Best first; what was not found comes last."""
    notes: tuple[str, ...] = ()


def merge_moments(
    answer: str,
    *,
    film: ShownFilm,
    retrieved: Sequence[Span] = (),
    attended: Sequence[Moment] = (),
    named: Sequence[NamedTime] = (),
    keyframe: Callable[[Shot], str | None],
    max_spans: int = 5,
) -> Evidence:
    """Merge what points into the film, check it, and keep the best.

    A moment is *heard* where lines said there carry the answer's words; *seen* where the model looked at its frames
    while it wrote; *inferred* where only the question's words led there; *not found* where the answer names a time
    at which nothing bears it out.

    Args:
        answer: What the model wrote.
        film: What has been shown; no span leaves it.
        retrieved: Spans found for the question.
        attended: Moments the model looked at.
        named: Times the answer names.
        keyframe: Returns a shot's picture, as a path inside the workspace.
        max_spans: The most spans.
    """
    said = answer
    for one in named:
        said = said.replace(one.text, " ")  # figures of a time are no words that a line could carry
    check = _Check(said, film)
    whole = TimeWindow(start=0.0, end=film.duration)
    candidates = [
        _Candidate(window=window, score=span.score, origins=("retrieved",))
        for span in retrieved
        if not (window := _inside(span.start, span.end, whole)).is_empty
    ]
    candidates += [
        _Candidate(window=window, score=moment.score, origins=(moment.origin,))
        for moment in attended
        if not (window := _inside(moment.window.start, moment.window.end, whole)).is_empty
    ]
    notes = []
    for one in named:
        window = _inside(one.window.start, one.window.end, whole)
        if window.is_empty:
            where = "is not in the film" if film.is_whole else "has not been shown"
            notes.append(f"The answer names {one.text}, which {where}.")
        else:
            candidates.append(_Candidate(window=window, score=_NAMED_SCORE, origins=("named",)))
    spans = [check.span(candidate, keyframe) for candidate in _join(candidates)]
    spans.sort(key=lambda span: (span.known == "not found", -span.score, span.start, span.end))
    return Evidence(spans=tuple(spans[:max_spans]), notes=tuple(dict.fromkeys(notes)))


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A moment, and everything that pointed to it."""

    window: TimeWindow
    score: float
    origins: tuple[Origin, ...]


def _inside(start: float, end: float, whole: TimeWindow) -> TimeWindow:
    """Return the part of an interval that is in the film."""
    low, high = max(start, whole.start), min(end, whole.end)
    return TimeWindow(start=min(low, whole.end), end=max(min(low, whole.end), high))


def _join(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Join candidates that mean the same moment: what points there from several sides is the surer for it."""
    joined: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda one: (-one.score, one.window.start, one.window.end)):
        for index, other in enumerate(joined):
            if _is_same(candidate, other):
                joined[index] = replace(
                    other,
                    window=_tighter(candidate, other),
                    score=1 - (1 - candidate.score) * (1 - other.score),
                    origins=tuple(dict.fromkeys((*other.origins, *candidate.origins))),
                )
                break
        else:
            joined.append(candidate)
    return joined


def _is_same(one: _Candidate, other: _Candidate) -> bool:
    slack = NEAR if {"named"} & {*one.origins, *other.origins} else 0.0
    overlap = min(one.window.end, other.window.end) - max(one.window.start, other.window.start)
    shorter = min(one.window.end - one.window.start, other.window.end - other.window.start)
    return overlap + slack >= shorter / 2 and overlap + slack > 0


def _tighter(one: _Candidate, other: _Candidate) -> TimeWindow:
    """Return the window that was found in the film rather than named, and of two such the shorter one."""
    found = [candidate for candidate in (one, other) if candidate.origins != ("named",)] or [one, other]
    return min((candidate.window for candidate in found), key=lambda window: (window.end - window.start, window.start))


class _Check:
    """Compares an answer with what is said at a moment."""

    def __init__(self, answer: str, film: ShownFilm) -> None:
        self._film = film
        words = [word for line in film.lines for word in split_words(line.text)]
        source = film.lines[0].source if film.lines else ""
        language = guess_language(words, source=source)
        self._ignored = language.function_words | language.asking_words
        self._analyzer = Analyzer(language)
        self._answer = self._keys(answer)

    def span(self, candidate: _Candidate, keyframe: Callable[[Shot], str | None]) -> Span:
        """Return the checked span of a candidate."""
        window, origins = candidate.window, set(candidate.origins)
        slack = NEAR if origins == {"named"} else 0.0
        lines = [line for line in self._film.lines if _holds(window, line, slack)]
        said = [line for line in lines if self._answer & self._line_keys(line)]
        carried = self._answer & {key for line in said for key in self._line_keys(line)}
        is_heard = bool(carried) and len(carried) >= _MIN_SHARE * len(self._answer)
        known: Known
        if is_heard:
            known = "heard"
        elif "attended" in origins:
            known = "seen"
        elif "retrieved" in origins:
            known = "inferred"
        else:
            known = "not found"
        quoted = said if is_heard else lines if known == "inferred" else []
        if quoted and slack:
            window = _inside(
                min(quoted[0].start, window.start),
                max(max(line.end for line in quoted), window.end),
                TimeWindow(start=0.0, end=self._film.duration),
            )
        factor = {"heard": 1.0, "seen": 1.0, "inferred": _UNPROVED, "not found": 0.0}[known]
        shot = self._film.shot_at(window.start)
        speakers = {line.speaker for line in quoted}
        sources = {line.source for line in quoted}
        return Span(
            start=window.start,
            end=window.end,
            known=known,
            score=round(candidate.score * factor, 6),
            quote="\n".join(line.text for line in quoted) or None,
            speaker=speakers.pop() if len(speakers) == 1 else None,
            source=(sources.pop() or None) if len(sources) == 1 else None,
            shot=None if shot is None else shot.index,
            keyframe=None if shot is None or shot.index >= self._film.num_whole_shots else keyframe(shot),
        )

    def _line_keys(self, line: Subtitle) -> set[str]:
        return self._keys(f"{line.speaker} {line.text}" if line.speaker else line.text)

    def _keys(self, text: str) -> set[str]:
        words = [word for word in split_words(text) if word not in self._ignored]
        return set(self._analyzer.keys(words))


def _holds(window: TimeWindow, line: Subtitle, slack: float) -> bool:
    return line.start < window.end + slack and line.end > window.start - slack


def named_characters(answer: str, lines: Sequence[Subtitle]) -> tuple[str, ...]:
    """Return the speakers that an answer names, in the order of the film.

    Example:
        >>> named_characters("Anna runs.", [Subtitle(start=0, end=1, text="Hello!", speaker="Anna")])
        ('Anna',)
    """
    words = [word.removesuffix("'s") for word in split_words(answer)]
    speakers = dict.fromkeys(line.speaker for line in lines if line.speaker)
    return tuple(name for name in speakers if _contains(words, split_words(name)))


def _contains(words: Sequence[str], name: Sequence[str]) -> bool:
    size = len(name)
    return size > 0 and any(list(words[start : start + size]) == list(name) for start in range(len(words) - size + 1))
