"""A film's shots as a timeline for editing programs: OpenTimelineIO, and through it CMX 3600 (EDL).

The film is its own source, cut at its shots: source and record times agree, and a dissolve that the picture already
holds stays what it is, because it runs from the film into the same frames of the film.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

from movieqa.errors import MissingDependencyError
from movieqa.movie import Shot, Subtitle
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


def shot_title(shot: Shot) -> str:
    """Return what a shot is called, counted from 1 like its keyframe: `Shot 3 (dissolve)`."""
    return f"Shot {shot.index + 1}" + (f" ({shot.kind})" if shot.kind in ("fade", "dissolve") else "")


def write_otio(workspace: Workspace) -> str:
    """Return a film's shots as an OpenTimelineIO file: fades and dissolves as transitions, subtitles as markers.

    Raises:
        MissingDependencyError: OpenTimelineIO is not installed.
    """
    otio = _load("opentimelineio")
    timeline = _build(otio, workspace, workspace.video.rate, kinds=("fade", "dissolve"))
    clips = list(timeline.find_clips())
    for clip, shot in zip(clips, workspace.shots, strict=True):
        clip.metadata["movieqa"] = {
            "shot": shot.index + 1,
            "kind": shot.kind,
            "transition_seconds": shot.transition,
            "start_seconds": shot.start,
            "end_seconds": shot.end,
            "keyframe": workspace.keyframe(shot),
        }
    for line in workspace.subtitles:
        clip = clips[workspace.shot_at(line.start).index]
        clip.markers.append(_marker(otio, line, clip.source_range))
    return str(otio.adapters.write_to_string(timeline, "otio_json")) + "\n"


def write_edl(workspace: Workspace) -> str:
    """Return a film's shots as a CMX 3600 edit decision list, frames counted at `timecode_rate`.

    Raises:
        MissingDependencyError: OpenTimelineIO or its CMX 3600 adapter is not installed.
    """
    otio = _load("opentimelineio", "otio_cmx3600_adapter")
    rate = timecode_rate(workspace.video.rate)
    # A fade goes through black inside the picture; of the two an EDL knows only the dissolve.
    timeline = _build(otio, workspace, rate, kinds=("dissolve",))
    for clip in timeline.find_clips():
        clip.name = _one_line(workspace.video.name)
        clip.metadata["cmx_3600"] = {"reel": _EDL_REEL}
    title, _, events = otio.adapters.write_to_string(timeline, "cmx_3600", rate=float(rate)).partition("\n")
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
    """The shots counted in frames; each has at least one."""

    bounds: tuple[int, ...]
    """First frame of each shot, and the end of the last one."""

    @classmethod
    def of(cls, shots: tuple[Shot, ...], rate: Fraction) -> _Ruler:
        bounds: list[int] = []
        for time in (*(shot.start for shot in shots), shots[-1].end):
            frame = round(Fraction(time) * rate)
            bounds.append(max(frame, bounds[-1] + 1) if bounds else frame)
        return cls(bounds=tuple(bounds))

    def length(self, index: int) -> int:
        """Return how many frames a shot has."""
        return self.bounds[index + 1] - self.bounds[index]

    def transition(self, shot: Shot, rate: Fraction) -> tuple[int, int]:
        """Return how many frames a transition reaches into the shot before and into its own, centred on the cut.

        It takes less than half of either shot, so that transitions on both sides of a short shot do not meet.
        """
        half = round(Fraction(shot.transition) * rate / 2)
        before, after = ((self.length(index) - 1) // 2 for index in (shot.index - 1, shot.index))
        return min(half, before), min(half, after)


def _build(otio: Any, workspace: Workspace, rate: Fraction, *, kinds: tuple[str, ...]) -> Any:
    schema, opentime = otio.schema, otio.opentime
    name = _one_line(workspace.video.name)
    ruler = _Ruler.of(workspace.shots, rate)

    def time(frames: int) -> Any:
        return opentime.RationalTime(frames, float(rate))

    def span(start: int, length: int) -> Any:
        return opentime.TimeRange(time(start), time(length))

    types = {"dissolve": schema.TransitionTypes.SMPTE_Dissolve, "fade": schema.TransitionTypes.Custom}
    track = schema.Track(name="Shots", kind=schema.TrackKind.Video)
    for shot in workspace.shots:
        before, after = ruler.transition(shot, rate) if shot.kind in kinds else (0, 0)
        if before + after:
            transition = schema.Transition(name=shot.kind, transition_type=types[shot.kind])
            transition.in_offset, transition.out_offset = time(before), time(after)
            track.append(transition)
        reference = schema.ExternalReference(
            target_url=otio.url_utils.url_from_filepath(name),
            available_range=span(ruler.bounds[0], ruler.bounds[-1] - ruler.bounds[0]),
        )
        source_range = span(ruler.bounds[shot.index], ruler.length(shot.index))
        track.append(schema.Clip(name=shot_title(shot), media_reference=reference, source_range=source_range))
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
