"""Answers questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from movieqa.answer import Answer
from movieqa.errors import ConfigError
from movieqa.times import parse_time
from movieqa.workspace import Workspace

from .film import PathLike, open_workspace

if TYPE_CHECKING:
    from movieqa.answerers import AnswererConfig, MakePeople, PeopleParts
    from movieqa.chat import Chat
    from movieqa.engine import Answerer
    from movieqa.film_prompts import CastForm
    from movieqa.identity import Cast
    from movieqa.loaded import LoadedModel
    from movieqa.model.cache import CacheKind
    from movieqa.model.loading import Quantisation
    from movieqa.session import Guidance

Questions = list[str] | tuple[str, ...]


@overload
def ask(
    workspace: PathLike | Workspace | None,
    question: str,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
    model: str | None = None,
    guidance: Guidance = "question",
    device: str = "auto",
    quantisation: Quantisation = "none",
    answer_tokens: int = 512,
    id_former: bool = False,
    cast_form: CastForm = "words",
    cache: CacheKind = "dynamic",
) -> Answer: ...
@overload
def ask(
    workspace: PathLike | Workspace | None,
    question: Questions,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
    model: str | None = None,
    guidance: Guidance = "question",
    device: str = "auto",
    quantisation: Quantisation = "none",
    answer_tokens: int = 512,
    id_former: bool = False,
    cast_form: CastForm = "words",
    cache: CacheKind = "dynamic",
) -> list[Answer]: ...
def ask(
    workspace: PathLike | Workspace | None,
    question: str | Questions,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
    model: str | None = None,
    guidance: Guidance = "question",
    device: str = "auto",
    quantisation: Quantisation = "none",
    answer_tokens: int = 512,
    id_former: bool = False,
    cast_form: CastForm = "words",
    cache: CacheKind = "dynamic",
) -> Answer | list[Answer]:
    """Answer a question about a film, or many at once.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        question: One question, or several; several share everything that can be shared.
        until: Nothing at or after this time (seconds, or text such as `00:41:00`) is used or shown.
        max_spans: The most moments an answer may cite, 1 to 5.
        model: A model's folder or hub name, whose features of the film `preprocess` stored; without one the answer
            is quoted from the film's own lines and shots.
        guidance: What guides a model's context tokens: every `question`, as published models were trained, or one
            text for the whole `film`, which makes further questions cheap.
        device: Where the model runs; `auto` takes the first GPU, else the processor.
        quantisation: Of the language model's weights: `none`, `8bit` or `4bit`.
        answer_tokens: The longest answer a model writes.
        id_former: Whether every frame is read with the people in mind that are in its shot, by the ID-Former that the
            model was trained with; off, frames are read to the bit as without.
        cast_form: How a model is told of the film's people: by their names in `words`, or by the `slots` that it was
            trained with.
        cache: How a model keeps what it has read: `dynamic`, `static`, `quantized` (4 bits, needs optimum-quanto),
            `offloaded` or `offloaded_static` (in host memory, on a GPU).

    Returns:
        An answer, or a list of answers in the order of the questions.

    Raises:
        ConfigError: A question is empty or too long, or an argument cannot work.
        CheckpointError: The model is not complete, or holds no ID-Former where one is asked for.
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.answerers import AnswererConfig

    answerer = _answerer(
        workspace,
        AnswererConfig(
            model=model,
            guidance=guidance,
            device=device,
            quantisation=quantisation,
            answer_tokens=answer_tokens,
            max_spans=max_spans,
            cast_form=cast_form,
            cache=cache,
        ),
        id_former=id_former,
    )
    limit = seconds(until)
    if isinstance(question, str):
        return answerer.answer(question, until=limit)
    return answerer.answer_many(question, until=limit)


def chat(
    workspace: PathLike | Workspace | None = None,
    *,
    until: float | str | None = None,
    max_spans: int = 5,
    model: str | None = None,
    guidance: Guidance = "question",
    device: str = "auto",
    quantisation: Quantisation = "none",
    answer_tokens: int = 512,
    id_former: bool = False,
    cast_form: CastForm = "words",
    cache: CacheKind = "dynamic",
) -> Chat:
    """Open a session of questions about one film; film and model are opened once.

    The arguments are those of `ask`.

    Raises:
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.answerers import AnswererConfig
    from movieqa.chat import Chat

    answerer = _answerer(
        workspace,
        AnswererConfig(
            model=model,
            guidance=guidance,
            device=device,
            quantisation=quantisation,
            answer_tokens=answer_tokens,
            max_spans=max_spans,
            cast_form=cast_form,
            cache=cache,
        ),
        id_former=id_former,
    )
    return Chat(answerer, until=seconds(until))


def _answerer(workspace: PathLike | Workspace | None, config: AnswererConfig, *, id_former: bool) -> Answerer:
    from movieqa.answerers import open_answerer

    make_people = None
    if id_former or config.cast_form == "slots":
        if config.model is None:
            raise ConfigError("ID-Former and slots belong to a model", hint="name the model with --model")
        make_people = _open_people(config.model, id_former=id_former, has_slots=config.cast_form == "slots")
    return open_answerer(open_workspace(workspace), config, make_people=make_people)


def _open_people(model: str, *, id_former: bool, has_slots: bool) -> MakePeople:
    """Open the parts for people first: they say at once what is missing, where the model takes minutes to load."""
    from movieqa.answerers import PeopleParts, check_model_packages

    check_model_packages()
    from movieqa.loaded import find_folder
    from movieqa.memory.film_identities import FilmIdentities
    from movieqa.memory.id_former_film import open_id_former
    from movieqa.memory.identity_tokens import FilmIdentityTokens, open_identity_tokens

    folder = find_folder(model)
    tokens = open_identity_tokens(folder) if has_slots else None
    former = open_id_former(folder) if id_former or tokens is not None else None

    def make(loaded: LoadedModel, film: Workspace, cast: Cast) -> PeopleParts:
        if former is None:
            return PeopleParts()
        people = FilmIdentities(former.to(loaded.model.device), loaded, film, cast)
        source = None
        if tokens is not None:
            width = loaded.model.config.language.hidden_size
            source = FilmIdentityTokens(tokens.to(loaded.model.device), people, language_width=width)
        return PeopleParts(conditioner=people if id_former else None, identity_tokens=source)

    return make


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
