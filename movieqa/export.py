"""Writes a film's shots, or moments of it, for spreadsheets (CSV), editors (EDL, OpenTimelineIO), players (WebVTT)."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, get_args

from movieqa import timeline
from movieqa.clips import Clip, clips_of_film, clips_of_moments, heard_in
from movieqa.errors import ConfigError
from movieqa.movie import Subtitle
from movieqa.people_search import PeopleMoment
from movieqa.plain_text import plain_cell
from movieqa.times import format_time
from movieqa.workspace import Workspace

ShotFormat = Literal["csv", "edl", "otio", "vtt"]
CSV_COLUMNS = (
    "shot",
    "start",
    "end",
    "start_seconds",
    "end_seconds",
    "kind",
    "transition_seconds",
    "keyframe",
    "subtitles",
)
MOMENT_COLUMNS = ("moment", "start", "end", "start_seconds", "end_seconds", "people", "keyframe", "subtitles")


def export_shots(workspace: Workspace, format: ShotFormat) -> str:
    """Return a film's shots as the text of a file.

    Args:
        workspace: The film.
        format: `csv`: a row a shot, with times, keyframe and the subtitles heard in it. `edl`: CMX 3600, an event a
            shot, dissolves as dissolves, frames counted at the film's rate, or at the nearest one time codes exist
            for. `otio`: OpenTimelineIO, a clip a shot, fades and dissolves as transitions, subtitles as markers.
            `vtt`: WebVTT chapters. Shots count from 1, like their keyframes.

    Returns:
        The text. Films are named by their file's name, without folders.

    Raises:
        ConfigError: Unknown format.
        MissingDependencyError: `edl` and `otio` need OpenTimelineIO.
        WorkspaceError: The workspace is damaged.

    Example:
        >>> print(export_shots(workspace, "vtt"))  # doctest: +SKIP
        WEBVTT
        <BLANKLINE>
        1
        00:00:00.000 --> 00:00:02.520
        Shot 1
    """
    return _write(workspace, clips_of_film(workspace), format, _write_shots)


def export_moments(workspace: Workspace, moments: Sequence[PeopleMoment], format: ShotFormat) -> str:
    """Return the moments of a search for people as the text of a file, in every format that shots have.

    Args:
        workspace: The film.
        moments: What `find_moments` returned.
        format: As for `export_shots`; in `edl` and `otio` the moments follow each other, cut from the film.

    Returns:
        The text; without moments a file that holds none.

    Raises:
        ConfigError: Unknown format.
        MissingDependencyError: `edl` and `otio` need OpenTimelineIO.
        WorkspaceError: The workspace is damaged.
    """
    return _write(workspace, clips_of_moments(workspace, moments), format, _write_moments)


_Writer = Callable[[Workspace, Sequence[Clip]], str]


def _write(workspace: Workspace, clips: Sequence[Clip], format: ShotFormat, write_table: _Writer) -> str:
    writers: dict[str, _Writer] = {
        "csv": write_table,
        "edl": timeline.write_edl,
        "otio": timeline.write_otio,
        "vtt": _write_vtt,
    }
    if format not in writers:
        raise ConfigError(f"unknown format {format!r}", hint=f"one of {', '.join(get_args(ShotFormat))}")
    return writers[format](workspace, clips)


def _write_shots(workspace: Workspace, clips: Sequence[Clip]) -> str:
    return _table(
        CSV_COLUMNS,
        (
            [
                clip.number,
                format_time(clip.start),
                format_time(clip.end),
                f"{clip.start:.6f}",
                f"{clip.end:.6f}",
                clip.kind,
                f"{clip.transition:.6f}",
                clip.keyframe,
                _said(lines),
            ]
            for clip, lines in zip(clips, heard_in(clips, workspace.subtitles), strict=True)
        ),
    )


def _write_moments(workspace: Workspace, clips: Sequence[Clip]) -> str:
    return _table(
        MOMENT_COLUMNS,
        (
            [
                clip.number,
                format_time(clip.start),
                format_time(clip.end),
                f"{clip.start:.6f}",
                f"{clip.end:.6f}",
                plain_cell(", ".join(clip.people)),
                clip.keyframe,
                _said(lines),
            ]
            for clip, lines in zip(clips, heard_in(clips, workspace.subtitles), strict=True)
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _write_vtt(workspace: Workspace, clips: Sequence[Clip]) -> str:
    cues = []
    for clip in clips:
        title = html.escape(clip.title, quote=False)  # a name may hold what ends a cue's times
        cues.append(f"{clip.number}\n{format_time(clip.start)} --> {format_time(clip.end)}\n{title}\n")
    return "\n".join(["WEBVTT\n", *cues])


def _said(lines: Sequence[Subtitle]) -> str:
    said = (f"{line.speaker}: {line.text}" if line.speaker else line.text for line in lines)
    return " / ".join(line.replace("\n", " ") for line in said)
