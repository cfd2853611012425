"""Chooses what answers: a model where one is named, else the film's own evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from movieqa.engine import Answerer, ExtractiveAnswerer
from movieqa.errors import MissingDependencyError
from movieqa.people_files import has_cast, load_cast
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.identity import Cast
    from movieqa.loaded import LoadedModel
    from movieqa.model.conditioning import FilmConditioner
    from movieqa.model.loading import Quantisation
    from movieqa.session import Guidance

MakeConditioner = Callable[["LoadedModel", Workspace, "Cast"], "FilmConditioner"]
"""Makes what reads frames by who is in them, given the model, the film and its people."""


@dataclass(frozen=True, kw_only=True)
class AnswererConfig:
    """What answers, and how.

    Attributes:
        model: A model's folder or hub name; None for the film's own evidence.
        guidance: What guides the context tokens: every `question`, or one text for the whole `film`.
        device: `auto` takes the first GPU, else the processor.
        quantisation: Of the language model's weights.
        answer_tokens: The longest answer a model writes.
        max_spans: The most moments an answer cites, 1 to 5.
    """

    model: str | None = None
    guidance: Guidance = "question"
    device: str = "auto"
    quantisation: Quantisation = "none"
    answer_tokens: int = 512
    max_spans: int = 5


def open_answerer(
    workspace: Workspace, config: AnswererConfig, *, make_conditioner: MakeConditioner | None = None
) -> Answerer:
    """Open what answers questions about a film.

    Args:
        workspace: The film.
        config: What answers, and how.
        make_conditioner: Makes what changes how the model reads frames by who is in them; nothing does without it.

    Raises:
        ConfigError: A setting cannot work.
        CheckpointError: The model is not complete.
        MissingDependencyError: A model is named and torch is not installed.
        WorkspaceError: The film has no features of the model, or nobody looked for its people and they are needed.
    """
    if config.model is None:
        return ExtractiveAnswerer(workspace, max_spans=config.max_spans)
    check_model_packages()
    from movieqa.decoding import Decoding
    from movieqa.loaded import open_model
    from movieqa.model_answerer import ModelAnswerer
    from movieqa.session import FilmSession, SessionConfig

    settings = SessionConfig(guidance=config.guidance, decoding=Decoding(max_new_tokens=config.answer_tokens))
    cast = load_cast(workspace) if has_cast(workspace) or make_conditioner is not None else None
    loaded = open_model(config.model, device=config.device, quantisation=config.quantisation)
    conditioner = None
    if cast is not None and make_conditioner is not None:
        conditioner = make_conditioner(loaded, workspace, cast)
    session = FilmSession(workspace, loaded, settings, cast=cast, conditioner=conditioner)
    return ModelAnswerer(session, max_spans=config.max_spans)


def check_model_packages() -> None:
    """Raise `MissingDependencyError` where a model cannot run because the extra is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers", "safetensors", "einops", "jaxtyping") if not find_spec(name)]
    if missing:
        raise MissingDependencyError(
            f"a model needs {', '.join(missing)}", hint="install them with: pip install 'movieqa[model]'"
        )
