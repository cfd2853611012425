"""The arguments of asking are spelt out once, and the command's flags are the same."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from movieqa import api
from movieqa.answerers import AnswererArguments, AnswererConfig
from movieqa.cli import question as verbs
from tests.workspaces import make_workspace

ARGUMENTS = {field.name for field in fields(AnswererConfig)}


def test_the_record_and_the_arguments_are_one() -> None:
    assert set(AnswererArguments.__annotations__) == ARGUMENTS


@pytest.mark.parametrize("verb", [verbs.ask, verbs.chat])
def test_every_argument_is_a_flag(verb: object) -> None:
    flags = set(inspect.signature(verb).parameters)  # type: ignore[arg-type]
    assert flags - {"workspace", "question", "until", "as_json", "debug"} == ARGUMENTS


def test_an_argument_that_is_none_is_refused(tmp_path: Path) -> None:
    film = make_workspace(tmp_path)
    with pytest.raises(TypeError, match="answer_token"):
        api.ask(film, "Who?", answer_token=5)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="max_span"):
        api.chat(film, max_span=5)  # type: ignore[call-arg]
