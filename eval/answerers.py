"""Makes what answers about one film, out of a model that stays open from film to film."""

from __future__ import annotations

from typing import TYPE_CHECKING

from movieqa.engine import Answerer, ExtractiveAnswerer
from movieqa.people_files import has_cast, load_cast
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.answerers import AnswererConfig
    from movieqa.loaded import LoadedModel


def make_answerer(
    workspace: Workspace, config: AnswererConfig, *, loaded: LoadedModel | None, batch: int = 16
) -> Answerer:
    """Make what answers about a film.

    Args:
        workspace: The film.
        config: How it answers.
        loaded: The model; None for the film's own evidence.
        batch: Questions that are answered side by side where the guidance allows it.

    Raises:
        WorkspaceError: The film has no features of the model.
        ConfigError: A setting cannot work.
    """
    if loaded is None:
        return ExtractiveAnswerer(workspace, max_spans=config.max_spans)
    from movieqa.decoding import Decoding
    from movieqa.model_answerer import ModelAnswerer
    from movieqa.session import FilmSession, SessionConfig

    decoding = Decoding(max_new_tokens=config.answer_tokens)
    settings = SessionConfig(guidance=config.guidance, decoding=decoding, batch_size=batch)
    cast = load_cast(workspace) if has_cast(workspace) else None
    return ModelAnswerer(FilmSession(workspace, loaded, settings, cast=cast), max_spans=config.max_spans)
