"""A film's shots, or moments of it, as a timeline for editing programs: OpenTimelineIO, and through it CMX 3600 (EDL).

The film is its own source, cut at its shots: source and record times agree, and a dissolve that the picture already
holds stays what it is, because it runs from the film into the same frames of the film. Moments follow each other
without the film between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from movieqa.clips import Clip, heard_in
from movieqa.errors import MissingDependencyError
from movieqa.movie import Subtitle
from movieqa.workspace import Workspace

_TIMECODE_RATES = (
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
_RATE_TOLERANCE = Fraction(1, 2000)
_EDL_REEL = "AX"


def write_otio(workspace: Workspace, clips: Sequence[Clip]) -> str:
    """Return clips as an OpenTimelineIO file: fades and dissolves as transitions, subtitles as markers.

    Raises:
        MissingDependencyError: OpenTimelineIO is not installed.
    """
    otio = _load("opentimelineio")
    timeline = _build(otio, workspace, clips, workspace.video.rate, kinds=("fade", "dissolve"))
    marked: set[Subtitle] = set()
    heard = heard_in(clips, workspace.subtitles)
    for item, clip, lines in zip(timeline.find_clips(), clips, heard, strict=True):
        item.metadata["movieqa"] = {
            clip.noun: clip.number,
            "kind": clip.kind,
            "transition_seconds": clip.transition,
            "start_seconds": clip.start,
            "end_seconds": clip.end,
            "keyframe": clip.keyframe,
            **({"people": list(clip.people)} if clip.people else {}),
        }
        item.markers.extend(_marker(otio, line, item.source_range) for line in lines if line not in marked)
        marked.update(lines)
    return str(otio.adapters.write_to_string(timeline, "otio_json")) + "\n"


def write_edl(workspace: Workspace, clips: Sequence[Clip]) -> str:
    """Return clips as a CMX 3600 edit decision list, frames counted at `timecode_rate`.

    Raises:
        MissingDependencyError: OpenTimelineIO or its CMX 3600 adapter is not installed.
    """
    otio = _load("opentimelineio", "otio_cmx3600_adapter")
    rate = timecode_rate(workspace.video.rate)
    # A fade goes through black inside the picture; of the two an EDL knows only the dissolve.
    timeline = _build(otio, workspace, clips, rate, kinds=("dissolve",))
    for item, clip in zip(timeline.find_clips(), clips, strict=True):
        item.name = _one_line(workspace.video.name)
        item.metadata["cmx_3600"] = {"reel": _EDL_REEL, "comments": [clip.title] if clip.people else []}
    text = f"TITLE: {timeline.name}\n"  # what the adapter writes, which cannot write a list without events
    if clips:
        text = otio.adapters.write_to_string(timeline, "cmx_3600", rate=float(rate))
    title, _, events = text.partition("\n")
    # The adapter leaves this line out; without it editors may take drop-frame time codes for plain ones.
    is_drop_frame = rate.denominator != 1 and round(rate) in (30, 60)
    return f"{title}\nFCM: {'DROP FRAME' if is_drop_frame else 'NON-DROP FRAME'}\n{events}"


def timecode_rate(rate: Fraction) -> Fraction:
    """Return the frame rate whose time codes suit a film: its own, else a whole multiple or part, else the nearest.

    Example:
        >>> str(timecode_rate(Fraction(24000, 1001))), str(timecode_rate(Fraction(15)))
        ('24000/1001', '30')
    """
    ratios = {known: max(known / rate, rate / known) for known in _TIMECODE_RATES}
    suitable = [known for known, ratio in ratios.items() if abs(ratio - round(ratio)) < _RATE_TOLERANCE * round(ratio)]
    if suitable:
        return min(suitable, key=lambda known: ratios[known])
    return min(_TIMECODE_RATES, key=lambda known: abs(known - rate))


@dataclass(frozen=True, kw_only=True)
class _Ruler:
    """The clips counted in frames; each has at least one."""

    bounds: tuple[tuple[int, int], ...]
    """First frame of each clip, and the one after its last."""

    @classmethod
    def of(cls, clips: Sequence[Clip], rate: Fraction) -> _Ruler:
        bounds: list[tuple[int, int]] = []
        for clip in clips:
            first = round(Fraction(clip.start) * rate)
            if bounds:
                first = max(first, bounds[-1][1])
            bounds.append((first, max(round(Fraction(clip.end) * rate), first + 1)))
        return cls(bounds=tuple(bounds))

    def length(self, index: int) -> int:
        """Return how many frames a clip has."""
        first, end = self.bounds[index]
        return end - first

    def transition(self, index: int, clip: Clip, rate: Fraction) -> tuple[int, int]:
        """Return how many frames a transition reaches into the clip before and into its own, centred on the cut.

        It takes less than half of either clip, so that transitions on both sides of a short one do not meet.
        """
        half = round(Fraction(clip.transition) * rate / 2)
        before, after = ((self.length(place) - 1) // 2 for place in (index - 1, index))
        return min(half, before), min(half, after)


def _build(otio: Any, workspace: Workspace, clips: Sequence[Clip], rate: Fraction, *, kinds: tuple[str, ...]) -> Any:
    schema, opentime = otio.schema, otio.opentime
    name = _one_line(workspace.video.name)
    ruler = _Ruler.of(clips, rate)
    film = [round(Fraction(time) * rate) for time in (workspace.shots[0].start, workspace.duration)]
    last = max([film[1], *(end for _, end in ruler.bounds)])

    def time(frames: int) -> Any:
        return opentime.RationalTime(frames, float(rate))

    def span(start: int, length: int) -> Any:
        return opentime.TimeRange(time(start), time(length))

    types = {"dissolve": schema.TransitionTypes.SMPTE_Dissolve, "fade": schema.TransitionTypes.Custom}
    track = schema.Track(name="Shots", kind=schema.TrackKind.Video)
    for index, clip in enumerate(clips):
        before, after = ruler.transition(index, clip, rate) if clip.kind in kinds else (0, 0)
        if before + after:
            transition = schema.Transition(name=clip.kind, transition_type=types[clip.kind])
            transition.in_offset, transition.out_offset = time(before), time(after)
            track.append(transition)
        reference = schema.ExternalReference(
            target_url=otio.url_utils.url_from_filepath(name), available_range=span(film[0], last - film[0])
        )
        source_range = span(ruler.bounds[index][0], ruler.length(index))
        track.append(schema.Clip(name=clip.title, media_reference=reference, source_range=source_range))
    timeline = schema.Timeline(name=name.rpartition(".")[0] or name)
    timeline.tracks.append(track)
    return timeline


def _marker(otio: Any, line: Subtitle, shot_range: Any) -> Any:
    rate = shot_range.start_time.rate
    first, end = shot_range.start_time.value, shot_range.end_time_exclusive().value
    start = min(max(first, round(line.start * rate)), end - 1)
    length = max(1, round((line.end - line.start) * rate))
    times = (otio.opentime.RationalTime(frames, rate) for frames in (start, length))
    return otio.schema.Marker(
        name=line.text.replace("\n", " "),
        marked_range=otio.opentime.TimeRange(*times),
        color=otio.schema.MarkerColor.GREEN,
        metadata={"movieqa": {"speaker": line.speaker or "", "source": line.source, "start_seconds": line.start}},
    )


def _one_line(name: str) -> str:
    """Return a name in which no line ends: an EDL is read line by line."""
    return " ".join(name.split()) or "film"


def _load(*packages: str) -> Any:
    for package in packages:
        if find_spec(package) is None:
            raise MissingDependencyError(
                f"this format needs {package}, which is not installed", hint='pip install "movieqa[otio]"'
            )
    import opentimelineio

    return opentimelineio
