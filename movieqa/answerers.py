"""Chooses what answers: a model where one is named, else the film's own evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from movieqa.engine import Answerer, ExtractiveAnswerer
from movieqa.errors import MissingDependencyError
from movieqa.people_files import has_cast, load_cast
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.film_prompts import CastForm
    from movieqa.identity import Cast
    from movieqa.loaded import LoadedModel
    from movieqa.model.cache import CacheKind
    from movieqa.model.conditioning import FilmConditioner, IdentityTokenSource
    from movieqa.model.loading import Quantisation
    from movieqa.session import Guidance

MakePeople = Callable[["LoadedModel", Workspace, "Cast"], "PeopleParts"]
"""Makes the parts for people, given the model, the film and who is in it."""


@dataclass(frozen=True, kw_only=True)
class AnswererConfig:
    """What answers, and how.

    Attributes:
        model: A model's folder or hub name, whose features of the film `preprocess` stored; without one the answer is
            quoted from the film's own lines and shots.
        guidance: What guides a model's context tokens: every `question`, as published models were trained, or one text
            for the whole `film`, which makes further questions cheap.
        device: Where the model runs; `auto` takes the first GPU, else the processor.
        quantisation: Of the language model's weights: `none`, `8bit` or `4bit`.
        answer_tokens: The longest answer a model writes.
        max_spans: The most moments an answer may cite, 1 to 5.
        cast_form: How a model is told of the film's people: by their names in `words`, or by the `slots` that it was
            trained with.
        cache: How a model keeps what it has read, which is most of what it needs besides its weights: `dynamic`,
            `static`, `quantized` (4 bits, needs optimum-quanto), `offloaded` or `offloaded_static` (in host memory, on
            a GPU).
        id_former: Whether every frame is read with the people in mind that are in its shot, by the ID-Former that the
            model was trained with; off, frames are read to the bit as without.
    """

    model: str | None = None
    guidance: Guidance = "question"
    device: str = "auto"
    quantisation: Quantisation = "none"
    answer_tokens: int = 512
    max_spans: int = 5
    cast_form: CastForm = "words"
    cache: CacheKind = "dynamic"
    id_former: bool = False


class AnswererArguments(TypedDict, total=False):
    """The fields of `AnswererConfig` as arguments of the functions that open an answerer; its defaults hold."""

    model: str | None
    guidance: Guidance
    device: str
    quantisation: Quantisation
    answer_tokens: int
    max_spans: int
    cast_form: CastForm
    cache: CacheKind
    id_former: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class PeopleParts:
    """What a model was trained with to see people; each may be missing.

    Attributes:
        conditioner: Changes how frames are read by who is in them.
        identity_tokens: Makes tokens of the pictures of people.
    """

    conditioner: FilmConditioner | None = None
    identity_tokens: IdentityTokenSource | None = None


def open_answerer(workspace: Workspace, config: AnswererConfig, *, make_people: MakePeople | None = None) -> Answerer:
    """Open what answers questions about a film.

    Args:
        workspace: The film.
        config: What answers, and how.
        make_people: Makes what the model was trained with to see people; it is told of them in words without.

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
    from movieqa.model.cache import CacheSettings
    from movieqa.model_answerer import ModelAnswerer
    from movieqa.session import FilmSession, SessionConfig

    settings = SessionConfig(
        guidance=config.guidance,
        decoding=Decoding(max_new_tokens=config.answer_tokens),
        cast_form=config.cast_form,
        cache=CacheSettings(kind=config.cache),
    )
    cast = load_cast(workspace) if has_cast(workspace) or make_people is not None else None
    loaded = open_model(config.model, device=config.device, quantisation=config.quantisation)
    parts = make_people(loaded, workspace, cast) if cast is not None and make_people is not None else PeopleParts()
    session = FilmSession(
        workspace,
        loaded,
        settings,
        cast=cast,
        conditioner=parts.conditioner,
        identity_tokens=parts.identity_tokens,
    )
    return ModelAnswerer(session, max_spans=config.max_spans)


def check_model_packages() -> None:
    """Raise `MissingDependencyError` where a model cannot run because the extra is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers", "safetensors", "einops", "jaxtyping") if not find_spec(name)]
    if missing:
        raise MissingDependencyError(
            f"a model needs {', '.join(missing)}", hint="install them with: pip install 'movieqa[model]'"
        )
