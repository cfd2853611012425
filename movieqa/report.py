"""The report: a film's storyboard as one HTML page that needs nothing else, neither a network nor the workspace.

Everything a film brings along (names, subtitles, notes) is hostile text: it is escaped, its control characters are
taken out, and the page's policy lets only the two blocks of style and script run whose digests it names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean, median

from markupsafe import Markup

from movieqa.answer import Answer
from movieqa.builder import cannot_write
from movieqa.cast_page import CastPage
from movieqa.errors import WorkspaceError
from movieqa.movie import CUT_KINDS, Shot
from movieqa.page import open_templates, page_policy, read_source
from movieqa.people_files import has_cast, load_cast
from movieqa.storage import sync_folder
from movieqa.storyboard import Storyboard
from movieqa.times import format_time
from movieqa.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a step said of its result."""

    step: str
    text: str


def write_report(workspace: Workspace, path: Path, *, answers: Sequence[Answer] = ()) -> Path:
    """Write a film's storyboard as one self-contained HTML file; the same workspace gives the same bytes.

    Args:
        workspace: The film's finished workspace.
        path: The file to write; replaced in one go when it is there.
        answers: Answers to show above the shots, with links to the shots that prove them.

    Returns:
        The path written.

    Raises:
        WorkspaceError: A keyframe is missing or damaged, there are no shots, or the file cannot be written.

    Example:
        >>> write_report(Workspace.open("film.movieqa"), Path("film.html"))  # doctest: +SKIP
        PosixPath('film.html')
    """
    if not workspace.shots:
        raise WorkspaceError(f"{workspace.path}: it has no shots", hint="rebuild it with: movieqa preprocess --force")
    page = _render(workspace, answers)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            for chunk in page:
                file.write(chunk.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _render(workspace: Workspace, answers: Sequence[Answer]) -> Iterator[str]:
    environment = open_templates(moment=_moment, seconds=_seconds, rate=_rate, size=_size)
    shots = workspace.shots
    lengths = [shot.end - shot.start for shot in shots]
    board = Storyboard(workspace, answers)
    notes = [Note(step=name, text=note) for name, step in workspace.steps.items() for note in step.notes]
    cast = _cast_page(workspace, notes)
    style = f":root{{--aspect:{max(1.0, workspace.video.width / workspace.video.height):.4f}}}\n"
    style += read_source(environment, "report.css")
    script = read_source(environment, "report.js")
    if cast is not None:
        style += read_source(environment, "report_people.css")
        script += read_source(environment, "report_people.js")
    return environment.get_template("report.html.j2").generate(
        policy=page_policy(style=style, script=script),
        style=Markup(style),
        script=Markup(script),
        film=workspace.video,
        duration=workspace.duration,
        num_shots=len(shots),
        num_lines=len(workspace.subtitles),
        num_frames=len(workspace.frames),
        transitions=_count_transitions(shots),
        kinds=[kind for kind in CUT_KINDS if kind != "start" and any(shot.kind == kind for shot in shots)],
        average_shot=fmean(lengths),
        median_shot=median(lengths),
        notes=notes,
        answers=answers,
        board=board,
        cast=cast,
    )


def _cast_page(workspace: Workspace, notes: list[Note]) -> CastPage | None:
    """Return the people as they are called now; None where nobody looked for them, or they cannot be used."""
    if not has_cast(workspace):
        return None
    try:
        return CastPage(workspace, load_cast(workspace))
    except WorkspaceError as error:  # the film was scanned anew: its shots can be shown all the same
        notes.append(Note(step="people", text=f"not shown: {error}"))
        return None


def _count_transitions(shots: Sequence[Shot]) -> str:
    counts = ((sum(shot.kind == kind for shot in shots), kind) for kind in ("fade", "dissolve"))
    return ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for count, kind in counts if count) or "cuts only"


def _moment(seconds: float) -> str:
    """Write a time to the second, where a link leads to the exact place."""
    return format_time(seconds).partition(".")[0]


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def _rate(rate: Fraction) -> str:
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def _size(num_bytes: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.1f} {unit}"
    return f"{num_bytes} bytes"
