"""Answers questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, overload

from movieqa.answer import Answer
from movieqa.errors import ConfigError
from movieqa.times import parse_time
from movieqa.workspace import Workspace

from .film import PathLike, open_workspace

if TYPE_CHECKING:
    from movieqa.answerers import AnswererArguments, MakePeople, PeopleParts
    from movieqa.chat import Chat
    from movieqa.engine import Answerer
    from movieqa.identity import Cast
    from movieqa.loaded import LoadedModel

Questions = list[str] | tuple[str, ...]


@overload
def ask(
    workspace: PathLike | Workspace | None,
    question: str,
    *,
    until: float | str | None = None,
    **answering: Unpack[AnswererArguments],
) -> Answer: ...
@overload
def ask(
    workspace: PathLike | Workspace | None,
    question: Questions,
    *,
    until: float | str | None = None,
    **answering: Unpack[AnswererArguments],
) -> list[Answer]: ...
def ask(
    workspace: PathLike | Workspace | None,
    question: str | Questions,
    *,
    until: float | str | None = None,
    **answering: Unpack[AnswererArguments],
) -> Answer | list[Answer]:
    """Answer a question about a film, or many at once.

    Args:
        workspace: A workspace, its folder, or None for the newest one here.
        question: One question, or several; several share everything that can be shared.
        until: Nothing at or after this time (seconds, or text such as `00:41:00`) is used or shown.
        **answering: What answers, and how: the fields of `movieqa.answerers.AnswererConfig`, by name and with its
            defaults, such as `model` or `max_spans`.

    Returns:
        An answer, or a list of answers in the order of the questions.

    Raises:
        ConfigError: A question is empty or too long, or an argument cannot work.
        CheckpointError: The model is not complete, or holds no ID-Former where one is asked for.
        WorkspaceError: The workspace cannot be used.
    """
    answerer = _answerer(workspace, answering)
    limit = seconds(until)
    if isinstance(question, str):
        return answerer.answer(question, until=limit)
    return answerer.answer_many(question, until=limit)


def chat(
    workspace: PathLike | Workspace | None = None,
    *,
    until: float | str | None = None,
    **answering: Unpack[AnswererArguments],
) -> Chat:
    """Open a session of questions about one film; film and model are opened once.

    The arguments are those of `ask`.

    Raises:
        WorkspaceError: The workspace cannot be used.
    """
    from movieqa.chat import Chat

    answerer = _answerer(workspace, answering)
    return Chat(answerer, until=seconds(until))


def _answerer(workspace: PathLike | Workspace | None, answering: AnswererArguments) -> Answerer:
    from movieqa.answerers import AnswererConfig, open_answerer

    config = AnswererConfig(**answering)
    make_people = None
    if config.id_former or config.cast_form == "slots":
        if config.model is None:
            raise ConfigError("ID-Former and slots belong to a model", hint="name the model with --model")
        make_people = _open_people(config.model, id_former=config.id_former, has_slots=config.cast_form == "slots")
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
