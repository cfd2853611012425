"""Makes workspaces, opens them, and shows what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from movieqa.finding import default_output, find_workspace
from movieqa.storage import write_atomic
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.export import ShotFormat
    from movieqa.features import FeatureKind
    from movieqa.memory.providers import ProviderName
    from movieqa.people_export import PeopleFormat
    from movieqa.people_search import PeopleMoment
    from movieqa.preprocess.features import FeaturesStep
    from movieqa.preprocess.progress import Progress
    from movieqa.summary import WorkspaceSummary

PathLike = str | Path


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
    people: ProviderName | None = None,
    cast: PathLike | None = None,
    model: str | None = None,
    features: FeatureKind = "float16",
    device: str = "auto",
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
        people: What recognises people, `classical`, `sface` or `model`; nobody is looked for by default. Later:
            `cast_find`.
        cast: A folder with one picture or folder per name; people are looked for then.
        model: A model's folder or hub name; its features of the film are stored for `ask(..., model=...)`.
        features: How they are stored: `float16`, or `int8` in half the room.
        device: Where the model runs; `auto` takes the first GPU, else the processor.
        force: Do every step again.
        progress: Show progress on standard error.

    Raises:
        ConfigError: An argument cannot work.
        VideoError: The film cannot be read.
        SubtitleError: Subtitles that were asked for cannot be read.
        WorkspaceError: The output cannot be written, is busy, or is of another film.
        CheckpointError: The model is not complete.
        MissingDependencyError: A part that was asked for is not installed.

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
        workspace = build_workspace(
            film,
            default_output(film) if output is None else Path(output),
            PreprocessConfig(
                scan=scan,
                subtitles=lines,
                features=None if model is None else _features_step(model, kind=features, device=device),
            ),
            progress=listener,
            force=force,
        )
        if people is not None or cast is not None:
            _find_people(
                workspace,
                people or "classical",
                cast=cast,
                model=model,
                device=device,
                force=force,
                progress=listener,
            )
            workspace = Workspace.open(workspace.path)
        return workspace
    finally:
        listener.close()


def _find_people(
    workspace: Workspace,
    provider: ProviderName,
    *,
    cast: PathLike | None,
    model: str | None,
    device: str,
    force: bool,
    progress: Progress,
) -> None:
    from movieqa.api.people import cast_find

    progress.start("people")
    found = cast_find(
        workspace,
        provider=provider,
        cast=cast,
        model=model,
        device=device,
        force=force,
        on_progress=lambda done, total: progress.advance(done / total),
    )
    num_named = sum(one.name is not None for one in found.identities)
    notes = dict.fromkeys((*Workspace.open(workspace.path).steps["people"].notes, *found.notes))
    noun = "person" if len(found.identities) == 1 else "people"
    progress.finish("people", f"{len(found.identities)} {noun}, {num_named} of them named", tuple(notes))


def _features_step(model: str, *, kind: FeatureKind, device: str) -> FeaturesStep:
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import open_model
    from movieqa.preprocess.features import FeaturesConfig, FeaturesStep

    config = FeaturesConfig(kind=kind)
    return FeaturesStep(open_model(model, device=device), config)


def open_workspace(workspace: PathLike | Workspace | None = None) -> Workspace:
    """Open a workspace; without a name the only one in the current folder, or the newest.

    Raises:
        WorkspaceError: There is none, or it is unfinished or damaged.
    """
    if isinstance(workspace, Workspace):
        return workspace
    return Workspace.open(find_workspace(Path()) if workspace is None else workspace)


def report(
    workspace: PathLike | Workspace | None = None,
    *,
    output: PathLike | None = None,
    question: Sequence[str] = (),
    until: float | str | None = None,
) -> Path:
    """Write a film's storyboard as one HTML page that needs nothing else.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        output: The page; by default beside the workspace, with its name and `.html`.
        question: Questions whose answers stand on the page.
        until: The answers use nothing at or after this time (seconds, or text such as `00:41:00`); the storyboard shows
            the whole film all the same.

    Returns:
        The page's path.

    Raises:
        ConfigError: A question is empty or too long, or `until` is no time.
        WorkspaceError: The workspace cannot be used, or the page cannot be written.
    """
    from movieqa.api.question import ask
    from movieqa.builder import check_file
    from movieqa.report import write_report

    opened = open_workspace(workspace)
    place = opened.path.resolve() if opened.path.name in ("", "..") else opened.path
    page = place.with_suffix(".html") if output is None else Path(output)
    check_file(page)
    answers = ask(opened, list(question), until=until) if question else []
    return write_report(opened, page, answers=answers)


def export(
    workspace: PathLike | Workspace | None = None,
    *,
    shots: ShotFormat = "csv",
    people: PeopleFormat | None = None,
    moments: Sequence[PeopleMoment] | None = None,
    output: PathLike | None = None,
) -> str:
    """Write a film's shots, its people, or moments of it, in a format other programs read.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        shots: `csv`, `edl` (CMX 3600), `otio` (OpenTimelineIO) or `vtt` (WebVTT chapters).
        people: Instead of shots who is on screen when: `csv`, `json` or `vtt` (a metadata track); no embeddings.
        moments: What `find` returned, written instead of the film's shots, in the format of `shots`.
        output: Where to write it; nowhere by default.

    Returns:
        The text of the file.

    Raises:
        ConfigError: Unknown format.
        MissingDependencyError: The format needs a package that is not installed.
        WorkspaceError: The workspace cannot be used, or the file cannot be written.

    Example:
        >>> together = find("film.movieqa", having=["Julia", "Jack"])  # doctest: +SKIP
        >>> export("film.movieqa", shots="edl", moments=together, output="together.edl")  # doctest: +SKIP
    """
    from movieqa.builder import cannot_write, check_file
    from movieqa.export import export_moments, export_shots
    from movieqa.people_export import export_people
    from movieqa.people_files import load_cast

    if output is not None:
        check_file(Path(output))
    opened = open_workspace(workspace)
    if moments is not None:
        text = export_moments(opened, moments, shots)
    else:
        text = export_shots(opened, shots) if people is None else export_people(load_cast(opened), people)
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
