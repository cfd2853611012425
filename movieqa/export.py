"""Writes a film's shots for other programs: spreadsheets (CSV), editors (EDL, OpenTimelineIO), players (WebVTT)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Literal, get_args

from movieqa import timeline
from movieqa.errors import ConfigError
from movieqa.movie import Subtitle
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
    writers: dict[str, Callable[[Workspace], str]] = {
        "csv": _write_csv,
        "edl": timeline.write_edl,
        "otio": timeline.write_otio,
        "vtt": _write_vtt,
    }
    if format not in writers:
        raise ConfigError(f"unknown format {format!r}", hint=f"one of {', '.join(get_args(ShotFormat))}")
    return writers[format](workspace)


def _write_csv(workspace: Workspace) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for shot, lines in zip(workspace.shots, _heard(workspace), strict=True):
        said = (f"{line.speaker}: {line.text}" if line.speaker else line.text for line in lines)
        writer.writerow(
            [
                shot.index + 1,
                format_time(shot.start),
                format_time(shot.end),
                f"{shot.start:.6f}",
                f"{shot.end:.6f}",
                shot.kind,
                f"{shot.transition:.6f}",
                workspace.keyframe(shot),
                " / ".join(line.replace("\n", " ") for line in said),
            ]
        )
    return text.getvalue()


def _write_vtt(workspace: Workspace) -> str:
    cues = [
        f"{shot.index + 1}\n{format_time(shot.start)} --> {format_time(shot.end)}\n{timeline.shot_title(shot)}\n"
        for shot in workspace.shots
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _heard(workspace: Workspace) -> list[list[Subtitle]]:
    """Return for each shot the subtitles heard in it; one that runs over a cut is heard in both shots."""
    heard: list[list[Subtitle]] = [[] for _ in workspace.shots]
    for line in workspace.subtitles:
        for index in range(workspace.shot_at(line.start).index, workspace.shot_at(line.end).index + 1):
            shot = workspace.shots[index]
            if line.start < shot.end and shot.start < line.end:
                heard[index].append(line)
    return heard
