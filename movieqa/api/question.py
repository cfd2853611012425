"""Answers questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from movieqa.answer import Answer
from movieqa.errors import ConfigError
from movieqa.times import parse_time
from movieqa.workspace import Workspace

from .film import PathLike, open_workspace

if TYPE_CHECKING:
    from movieqa.answerers import MakeConditioner
    from movieqa.chat import Chat
    from movieqa.engine import Answerer
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

    Returns:
        An answer, or a list of answers in the order of the questions.

    Raises:
        ConfigError: A question is empty or too long, or an argument cannot work.
        CheckpointError: The model is not complete, or holds no ID-Former where one is asked for.
        WorkspaceError: The workspace cannot be used.
    """
    answerer = _answerer(workspace, max_spans, model, guidance, device, quantisation, answer_tokens, id_former)
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
) -> Chat:
    """Open a session of questions about one film; film and model are opened once.

    The arguments are those of `ask`.

    Raises:
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.chat import Chat

    answerer = _answerer(workspace, max_spans, model, guidance, device, quantisation, answer_tokens, id_former)
    return Chat(answerer, until=seconds(until))


def _answerer(
    workspace: PathLike | Workspace | None,
    max_spans: int,
    model: str | None,
    guidance: Guidance,
    device: str,
    quantisation: Quantisation,
    answer_tokens: int,
    id_former: bool,
) -> Answerer:
    from movieqa.answerers import AnswererConfig, open_answerer

    config = AnswererConfig(
        model=model,
        guidance=guidance,
        device=device,
        quantisation=quantisation,
        answer_tokens=answer_tokens,
        max_spans=max_spans,
    )
    if id_former and model is None:
        raise ConfigError("an ID-Former belongs to a model", hint="name the model with --model")
    make_conditioner = _open_id_former(model) if id_former and model is not None else None
    return open_answerer(open_workspace(workspace), config, make_conditioner=make_conditioner)


def _open_id_former(model: str) -> MakeConditioner:
    """Open the ID-Former first: it says at once whether the model has one, where the model takes minutes to load."""
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import find_folder
    from movieqa.memory.film_identities import FilmIdentities
    from movieqa.memory.id_former_film import open_id_former

    former = open_id_former(find_folder(model))
    return lambda loaded, film, cast: FilmIdentities(former.to(loaded.model.device), loaded, film, cast)


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
