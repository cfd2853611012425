"""One function for each verb of the command line; its arguments bear the names of the flags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from movieqa.answer import Answer
from movieqa.errors import ConfigError
from movieqa.finding import default_output, find_workspace
from movieqa.storage import write_atomic
from movieqa.times import parse_time
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.chat import Chat
    from movieqa.doctor import Diagnosis
    from movieqa.engine import ExtractiveAnswerer
    from movieqa.export import ShotFormat
    from movieqa.summary import WorkspaceSummary

PathLike = str | Path
Questions = list[str] | tuple[str, ...]


def preprocess_movie(
    film: PathLike,
    *,
    output: PathLike | None = None,
    fps: float = 1.0,
    max_frames: int | None = None,
    detector: str = "transitions",
    transnet: PathLike | None = None,
    subtitles: Sequence[PathLike] = (),
    subtitle_language: str | None = None,
    transcribe: str | None = None,
    force: bool = False,
    progress: bool = False,
) -> Workspace:
    """Turn a film into a workspace, once; run it again after an interruption and it goes on.

    Args:
        film: The film file.
        output: The workspace's folder; by default the film's name with `.movieqa`, in the current folder.
        fps: Frames sampled a second; every shot gets at least one.
        max_frames: At most so many sampled frames, spread evenly.
        detector: How cuts are found: `transitions` (ours, measured best), one of PySceneDetect's (`content`,
            `adaptive`, `histogram`, `hash`, `threshold`), or `transnet`.
        transnet: A TransNetV2 ONNX file, for `detector="transnet"`.
        subtitles: Subtitle files; by default those beside the film, then those inside it.
        subtitle_language: Which language to choose where there are several, such as `en`.
        transcribe: A speech recognition model, by name or folder, used when there are no subtitles.
        force: Do every step again.
        progress: Show progress on standard error.

    Raises:
        ConfigError: An argument cannot work.
        VideoError: The film cannot be read.
        SubtitleError: Subtitles that were asked for cannot be read.
        WorkspaceError: The output cannot be written, is busy, or is of another film.

    Example:
        >>> workspace = preprocess_movie("film.mp4")  # doctest: +SKIP
    """
    from movieqa.preprocess.pipeline import PreprocessConfig, build_workspace
    from movieqa.preprocess.progress import Silence, TerminalProgress
    from movieqa.preprocess.scan import ScanConfig
    from movieqa.preprocess.subtitles import SubtitleConfig

    scan = ScanConfig(
        fps=fps,
        max_frames=max_frames,
        transnet=None if transnet is None else Path(transnet),
        detector=detector,
    )
    lines = SubtitleConfig(
        files=tuple(Path(file) for file in subtitles), language=subtitle_language, transcribe=transcribe
    )
    film = Path(film)
    listener = TerminalProgress() if progress else Silence()
    try:
        return build_workspace(
            film,
            default_output(film) if output is None else Path(output),
            PreprocessConfig(scan=scan, subtitles=lines),
            progress=listener,
            force=force,
        )
    finally:
        listener.close()


def open_workspace(workspace: PathLike | Workspace | None = None) -> Workspace:
    """Open a workspace; without a name the only one in the current folder, or the newest.

    Raises:
        WorkspaceError: There is none, or it is unfinished or damaged.
    """
    if isinstance(workspace, Workspace):
        return workspace
    return Workspace.open(find_workspace(Path()) if workspace is None else workspace)


@overload
def ask(
    workspace: PathLike | Workspace | None, question: str, *, until: float | str | None = None, max_spans: int = 5
) -> Answer: ...
@overload
def ask(
    workspace: PathLike | Workspace | None,
    question: Questions,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
) -> list[Answer]: ...
def ask(
    workspace: PathLike | Workspace | None,
    question: str | Questions,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
) -> Answer | list[Answer]:
    """Answer a question about a film, or many at once.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        question: One question, or several; several share everything that can be shared.
        until: Nothing at or after this time (seconds, or text such as `00:41:00`) is used or shown.
        max_spans: The most moments an answer may cite, 1 to 5.

    Returns:
        An answer, or a list of answers in the order of the questions.

    Raises:
        ConfigError: A question is empty or too long, or an argument cannot work.
        WorkspaceError: The workspace cannot be used.
    """
    answerer = _answerer(open_workspace(workspace), max_spans=max_spans)
    limit = seconds(until)
    if isinstance(question, str):
        return answerer.answer(question, until=limit)
    return [answerer.answer(one, until=limit) for one in question]


def chat(
    workspace: PathLike | Workspace | None = None, *, until: float | str | None = None, max_spans: int = 5
) -> Chat:
    """Open a session of questions about one film.

    Raises:
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.chat import Chat

    return Chat(_answerer(open_workspace(workspace), max_spans=max_spans), until=seconds(until))


def report(
    workspace: PathLike | Workspace | None = None, *, output: PathLike | None = None, question: Sequence[str] = ()
) -> Path:
    """Write a film's storyboard as one HTML page that needs nothing else.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        output: The page; by default beside the workspace, with its name and `.html`.
        question: Questions whose answers stand on the page.

    Returns:
        The page's path.

    Raises:
        WorkspaceError: The workspace cannot be used, or the page cannot be written.
    """
    from movieqa.report import write_report

    opened = open_workspace(workspace)
    answers = ask(opened, list(question)) if question else []
    return write_report(opened, opened.path.with_suffix(".html") if output is None else Path(output), answers=answers)


def export(
    workspace: PathLike | Workspace | None = None, *, shots: ShotFormat = "csv", output: PathLike | None = None
) -> str:
    """Write a film's shots in a format other programs read.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        shots: `csv`, `edl` (CMX 3600), `otio` (OpenTimelineIO) or `vtt` (WebVTT chapters).
        output: Where to write it; nowhere by default.

    Returns:
        The text of the file.

    Raises:
        ConfigError: Unknown format.
        MissingDependencyError: The format needs a package that is not installed.
        WorkspaceError: The workspace cannot be used, or the file cannot be written.
    """
    from movieqa.builder import cannot_write
    from movieqa.export import export_shots

    text = export_shots(open_workspace(workspace), shots)
    if output is not None:
        try:
            write_atomic(Path(output), text)
        except OSError as error:
            raise cannot_write(Path(output), error) from None
    return text


def info(workspace: PathLike | Workspace | None = None, *, verify: bool = False) -> WorkspaceSummary:
    """Sum a workspace up; with `verify`, check every byte of it.

    Raises:
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.summary import summarise

    return summarise(open_workspace(workspace), verify=verify)


def doctor() -> Diagnosis:
    """Examine what is installed, what is missing, and what movieqa will use."""
    from movieqa.doctor import examine

    return examine()


def _answerer(workspace: Workspace, *, max_spans: int) -> ExtractiveAnswerer:
    from movieqa.engine import ExtractiveAnswerer

    if not 1 <= max_spans <= 5:
        raise ConfigError(f"max_spans must be 1 to 5, got {max_spans}")
    return ExtractiveAnswerer(workspace, max_spans=max_spans)


def seconds(until: float | str | None) -> float | None:
    """Read the `until` argument: seconds, a text such as `00:41:00`, or None for the whole film.

    Raises:
        ConfigError: It is no time, or leaves nothing of the film.
    """
    if until is None:
        return None
    limit = parse_time(until) if isinstance(until, str) else float(until)
    if not 0 < limit < float("inf"):
        raise ConfigError(f"until must be later than the film's first moment, got {until!r}")
    return limit
