"""Who is on screen: finds the film's people, takes names and corrections, searches by person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from movieqa.workspace import Workspace

from .film import PathLike, open_workspace
from .question import seconds

if TYPE_CHECKING:
    from movieqa.identity import Cast
    from movieqa.memory.cast import HistoryLine
    from movieqa.memory.look_alikes import LookAlike
    from movieqa.memory.people import OnProgress
    from movieqa.memory.provider import Provider
    from movieqa.memory.providers import ProviderConfig, ProviderName
    from movieqa.people_search import PeopleMoment


def cast_find(
    workspace: PathLike | Workspace | None = None,
    *,
    provider: ProviderName = "classical",
    detector: PathLike | None = None,
    recogniser: PathLike | None = None,
    licence: str = "",
    cast: PathLike | None = None,
    model: str | None = None,
    device: str = "auto",
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Cast:
    """Find who is on screen when, once; later calls only do what changed.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        provider: What recognises people: `classical` (no weights), `sface`, `onnx`, or `model`, the ID-Former of a
            trained model, for animals and drawn figures too.
        detector: The detector's ONNX file, for `sface` and `onnx`; for `model` YuNet's, instead of OpenCV's cascades.
        recogniser: The recogniser's ONNX file.
        licence: Of the `onnx` files; kept with the result.
        cast: A folder with one picture or folder per name.
        model: A model's folder or hub name, for `model`; by default the one that `MOVIEQA_MODEL` names.
        device: Where the model runs; `auto` takes the first GPU, else the processor.
        force: Look at every frame again; what people said about the cast stays.
        on_progress: Hears how many frames of how many are done.

    Returns:
        The film's people; the notes name pictures of the cast folder in which no face was found.

    Raises:
        ConfigError: The cast folder or a model file cannot be used, or somebody has no picture that shows a face.
        CheckpointError: The model is not complete, or holds no ID-Former.
        MissingDependencyError: A package or model file is not there.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    from movieqa.memory.people import find_people
    from movieqa.memory.providers import ProviderConfig, load_provider
    from movieqa.memory.references import read_cast
    from movieqa.people_files import load_cast

    config = ProviderConfig(
        name=provider,
        detector=None if detector is None else Path(detector),
        recogniser=None if recogniser is None else Path(recogniser),
        licence=licence,
    )
    opened = open_workspace(workspace)
    chosen = model or os.environ.get("MOVIEQA_MODEL")
    loaded = load_provider(
        config, make_model=None if chosen is None else partial(_model_provider, chosen, config, device)
    )
    opened.check_pictures()
    pictures = None if cast is None else read_cast(Path(cast), loaded)
    found = load_cast(find_people(opened, loaded, cast=pictures, force=force, on_progress=on_progress))
    return found if pictures is None else replace(found, notes=(*pictures.notes, *found.notes))


def _model_provider(model: str, config: ProviderConfig, device: str) -> Provider:
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.memory.model_provider import ModelProvider

    return ModelProvider(model, detector=config.detector, device=device)


def cast_fetch(folder: PathLike | None = None) -> Path:
    """Fetch the YuNet and SFace model files over the network, checked against pinned digests.

    Args:
        folder: Where to keep them; by default the user's cache folder.

    Returns:
        The folder they lie in.

    Raises:
        MissingDependencyError: They cannot be fetched.
    """
    from movieqa.memory.providers import fetch_sface

    return fetch_sface(None if folder is None else Path(folder))


def cast_list(workspace: PathLike | Workspace | None = None) -> Cast:
    """Return the film's people.

    Raises:
        WorkspaceError: Nobody looked for people yet, or the workspace cannot be used.
    """
    from movieqa.people_files import load_cast

    return load_cast(open_workspace(workspace))


def cast_name(who: str, name: str, *, workspace: PathLike | Workspace | None = None) -> Cast:
    """Give a person a name; two who get one name become one person.

    Args:
        who: A number, a name, or a place and moment such as `the person on the left at 00:12:30`.
        name: The name.
        workspace: A workspace, its folder, or None for the newest one here.

    Raises:
        ConfigError: Nobody is meant, the name cannot be one, or an earlier edit says otherwise.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    from movieqa.memory.cast import name_person

    return cast_list(name_person(open_workspace(workspace), who, name))


def cast_merge(who: str, other: str, *, workspace: PathLike | Workspace | None = None) -> Cast:
    """Say that two are one person; arguments and errors are those of `cast_name`."""
    from movieqa.memory.cast import merge_people

    return cast_list(merge_people(open_workspace(workspace), who, other))


def cast_split(
    who: str, start: float | str, end: float | str, *, workspace: PathLike | Workspace | None = None
) -> Cast:
    """Take a person's appearances in a stretch of the film out, as somebody else.

    Args:
        who: As for `cast_name`.
        start: Where the stretch begins, seconds or a text such as `00:12:30`.
        end: Where it ends.
        workspace: A workspace, its folder, or None for the newest one here.

    Raises:
        ConfigError: Nobody is meant, or nothing or everything of the person lies in the stretch.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    from movieqa.errors import ConfigError
    from movieqa.intervals import Interval
    from movieqa.memory.cast import split_person
    from movieqa.times import parse_time

    first, last = (parse_time(time) if isinstance(time, str) else float(time) for time in (start, end))
    if not 0 <= first < last:
        raise ConfigError(f"a stretch needs a start before its end, got {start} and {end}")
    return cast_list(split_person(open_workspace(workspace), who, (Interval(start=first, end=last),)))


def cast_not(who: str, other: str, *, workspace: PathLike | Workspace | None = None) -> Cast:
    """Say that somebody is not somebody, or has not a name; arguments and errors are those of `cast_name`."""
    from movieqa.memory.cast import tell_apart

    return cast_list(tell_apart(open_workspace(workspace), who, other))


def cast_similar(who: str, *, workspace: PathLike | Workspace | None = None, most: int = 5) -> tuple[LookAlike, ...]:
    """Find who looks most like a person, to see whether two are one; `cast_merge` makes them so.

    Args:
        who: As for `cast_name`.
        workspace: A workspace, its folder, or None for the newest one here.
        most: How many are returned at most.

    Raises:
        ConfigError: Nobody is meant.
        WorkspaceError: Nobody looked for people yet, or the workspace cannot be used.
    """
    from movieqa.memory.look_alikes import find_look_alikes

    return find_look_alikes(open_workspace(workspace), who, most=most)


def cast_forget(who: str, *, workspace: PathLike | Workspace | None = None) -> Cast:
    """Remove a person and all biometric data about them for good; arguments and errors are those of `cast_name`."""
    from movieqa.memory.forgetting import forget_person

    return cast_list(forget_person(open_workspace(workspace), who))


def cast_purge(workspace: PathLike | Workspace | None = None) -> Workspace:
    """Remove everything known about people from a workspace, for good.

    Raises:
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    from movieqa.memory.forgetting import purge_people

    return purge_people(open_workspace(workspace))


def cast_undo(number: int | None = None, *, workspace: PathLike | Workspace | None = None) -> Cast:
    """Undo an edit: the last one that holds, or any by its number.

    Raises:
        ConfigError: There is nothing to undo, or no such edit holds.
        WorkspaceError: The workspace is damaged, busy, or cannot be written.
    """
    from movieqa.memory.cast import undo_edit

    return cast_list(undo_edit(open_workspace(workspace), number))


def cast_history(workspace: PathLike | Workspace | None = None) -> tuple[HistoryLine, ...]:
    """Return everything that was said about the cast, oldest first.

    Raises:
        WorkspaceError: Nobody looked for people yet, or the log is damaged.
    """
    from movieqa.memory.cast import history

    return history(open_workspace(workspace))


def find(
    workspace: PathLike | Workspace | None = None,
    *,
    having: Sequence[str] = (),
    without: Sequence[str] = (),
    min_seconds: float = 0.0,
    first: bool = False,
    until: float | str | None = None,
) -> tuple[PeopleMoment, ...]:
    """Find when people are on screen together, and others are not.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        having: Who must be on screen, all at once, each by number or name.
        without: Who must not be.
        min_seconds: Shorter moments are left out.
        first: Only the first moment.
        until: Nothing at or after this time is looked at.

    Raises:
        ConfigError: Somebody is not known.
        WorkspaceError: Nobody looked for people yet, or the workspace cannot be used.
    """
    from movieqa.people_search import find_moments

    return find_moments(
        cast_list(workspace),
        having=having,
        without=without,
        min_seconds=min_seconds,
        first=first,
        until=seconds(until),
    )
