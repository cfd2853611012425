"""The storyboard: a film's shots as cards and as a timeline, for the report's page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from movieqa.answer import Answer, Span
from movieqa.errors import WorkspaceError
from movieqa.movie import Shot, Subtitle
from movieqa.picture import Picture, embed_picture
from movieqa.storage import read_bounded
from movieqa.workspace import Workspace

_PICTURE_BYTES = 26_000_000
"""For all pictures of a page together, as JPEG; base64 makes them a third larger."""
_MAX_KEYFRAME_BYTES = 32 << 20
_WIDTH = 1000
"""Of the timeline, in units of its drawing."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One shot on the page."""

    number: int
    """Counts from 1, as the keyframes' names do."""
    shot: Shot
    picture: Picture
    lines: tuple[Subtitle, ...]
    """Spoken while the shot is on screen."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One span of an answer, and the number of the shot that shows it."""

    number: int
    span: Span


class Storyboard:
    """The shots of one page, and the timeline drawn from them.

    The cards are read one by one while the page is written, so that only one keyframe is in memory; the timeline
    takes its colours from them and therefore stands after them on the page.
    """

    def __init__(self, workspace: Workspace, answers: Sequence[Answer]) -> None:
        workspace.check_pictures()
        self._workspace = workspace
        self._answers = answers
        self._start = workspace.shots[0].start
        self._length = workspace.duration - self._start
        self._colours: list[str] = []

    def cards(self) -> Iterator[Card]:
        """Read the shots' pictures and lines, in film order.

        Raises:
            WorkspaceError: A keyframe is missing or damaged.
        """
        workspace = self._workspace
        lines: dict[int, list[Subtitle]] = defaultdict(list)
        for line in workspace.subtitles:
            lines[workspace.shot_at((line.start + line.end) / 2).index].append(line)
        share = _PICTURE_BYTES // len(workspace.shots)
        for shot in workspace.shots:
            keyframe = workspace.keyframe(shot)
            assert keyframe is not None  # there are pictures
            path = workspace.path / keyframe
            try:
                picture = embed_picture(read_bounded(path, limit=_MAX_KEYFRAME_BYTES), max_bytes=share)
            except (OSError, ValueError) as error:
                reason = "it is missing" if isinstance(error, FileNotFoundError) else str(error)
                raise WorkspaceError(
                    f"{path}: damaged ({reason})", hint="rebuild it with: movieqa preprocess FILM --force"
                ) from None
            self._colours.append(picture.colour)
            yield Card(number=shot.index + 1, shot=shot, picture=picture, lines=tuple(lines[shot.index]))

    def bars(self) -> Iterator[tuple[str, str, str]]:
        """Draw the shots as bars in the colours of their pictures: left edge, width, colour."""
        for shot, colour in zip(self._workspace.shots, self._colours, strict=True):
            yield self._place(shot.start), f"{(shot.end - shot.start) / self._length * _WIDTH:.2f}", colour

    def ticks(self, kind: str) -> str:
        """Draw the cuts of one kind as a path of ticks below the bars."""
        foot = 33 if kind == "cut" else 36
        return "".join(f"M{self._place(shot.start)} 29V{foot}" for shot in self._workspace.shots if shot.kind == kind)

    def spoken(self) -> str:
        """Draw where somebody speaks, as a path at the foot of the timeline."""
        return self._row(38.5, ((line.start, line.end) for line in self._workspace.subtitles))

    def proof(self) -> str:
        """Draw the moments that prove the answers, as a path at the head of the timeline."""
        return self._row(1.5, ((span.start, span.end) for answer in self._answers for span in answer.spans))

    def moments(self, answer: Answer) -> list[Moment]:
        """Name the shot of each of an answer's spans."""
        return [Moment(number=self._workspace.shot_at(span.start).index + 1, span=span) for span in answer.spans]

    def _row(self, height: float, intervals: Iterable[tuple[float, float]]) -> str:
        return "".join(f"M{self._place(start)} {height}H{self._place(end)}" for start, end in intervals)

    def _place(self, time: float) -> str:
        return f"{min(max((time - self._start) / self._length, 0.0), 1.0) * _WIDTH:.2f}"
