"""Sessions that know the people: told in words, renamed without looking again, and answers checked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from movieqa.decoding import Decoding
from movieqa.identity import Cast
from movieqa.loaded import LoadedModel
from movieqa.model_answerer import ModelAnswerer
from movieqa.preprocess.features import FeaturesConfig, add_features
from movieqa.prompt import FRAME_SLOT, Prompt
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    torch.set_num_threads(1)
    return LoadedModel.of(make_tiny_model(), tiny_processor(), name="tiny")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel) -> Workspace:
    workspace = make_workspace(
        tmp_path_factory.mktemp("film"),
        shots=make_shots(0, 4, 9, 14),
        subtitles=make_subtitles((1.2, 2.8, "Anna> Take the key."), (11.2, 13.5, "It was you.")),
        num_frames=14,
    )
    return add_features(workspace, loaded, FeaturesConfig(frames_per_shard=5, batch_size=5))


@pytest.fixture(scope="module")
def cast(film: Workspace) -> Cast:
    return make_cast(film, {"Mara": [0, 2], "Otto": [1, 2]})


def session(film: Workspace, loaded: LoadedModel, guidance: str, cast: Cast | None) -> FilmSession:
    config = SessionConfig(guidance=guidance, decoding=Decoding(max_new_tokens=4), question_tokens=40)  # type: ignore[arg-type]
    return FilmSession(film, loaded, config, cast=cast)


def text_of(prompt: Prompt, loaded: LoadedModel) -> str:
    pieces, words = [], []
    for token in prompt.input_ids.tolist():
        if token == FRAME_SLOT:
            pieces += [loaded.processor.tokenizer.decode(words), "#"]
            words = []
        else:
            words.append(token)
    return "".join([*pieces, loaded.processor.tokenizer.decode(words)])


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_prompts_tell_who_is_on_screen(film: Workspace, loaded: LoadedModel, cast: Cast, guidance: str) -> None:
    one = session(film, loaded, guidance, cast)
    text = text_of(one.prompt("Who runs?"), loaded)
    assert "Otto: first seen at 00:00:04.000, on screen for 10 s\nMara: first seen at" in text
    assert text.index("[Mara]\n##") < text.index("[Otto]\n##") < text.index("[Otto, Mara]\n##")
    assert text.split("Now the movie end.")[0].endswith("##It was you.")
    early = text_of(one.prompt("Who runs?", until=9.0), loaded)
    assert "[Otto, Mara]" not in early and "Mara: first seen at 00:00:00.000, on screen for 4 s" in early
    assert one.prompt("Who runs?").budget.cast_level == 0
    plain = session(film, loaded, guidance, None).prompt("Who runs?")
    assert plain.budget.cast_level is None and "Mara" not in text_of(plain, loaded)


def test_the_shared_film_is_read_as_if_alone(film: Workspace, loaded: LoadedModel, cast: Cast) -> None:
    """What is cached for all questions with people in it gives the logits of the whole prompt."""
    one = session(film, loaded, "film", cast)
    for question in ("Who runs?", "What?"):
        with torch.inference_mode():
            whole = loaded.model(inputs_embeds=one.embed(one.prompt(question)), logits_to_keep=1).logits[0, -1]
        torch.testing.assert_close(one.next_logits(question), whole, rtol=0, atol=1e-3)


def test_renaming_looks_at_no_picture_again(
    film: Workspace, loaded: LoadedModel, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session(film, loaded, "film", cast)
    one.ask("Who runs?")
    for name in ("encode_frames", "content_tokens", "context_tokens"):
        monkeypatch.setattr(type(loaded.model), name, None)
    mara, otto = cast.identities
    renamed = replace(cast, identities=(replace(mara, name="Julia"), otto))
    one.use_cast(renamed)
    assert one.cast is renamed
    one.ask("Who runs?")
    text = text_of(one.prompt("Who runs?"), loaded)
    assert "[Otto, Julia]" in text and "Mara" not in text


def test_answers_are_checked_against_the_cast(
    film: Workspace, loaded: LoadedModel, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session(film, loaded, "question", cast)
    asked = one.ask
    monkeypatch.setattr(one, "ask", lambda *given, **options: replace(asked(*given, **options), text=said))
    answerer = ModelAnswerer(one)
    for said, notes in (
        ("Otto says: take the key.", ("The answer names Otto, who is on screen in none of the moments it cites.",)),
        ("Mara says: take the key.", ()),
    ):
        answer = answerer.answer("Who says take the key?", until=4.0)  # only Mara was on screen by then
        assert answer.is_found and answer.names == (said.split()[0],)
        assert tuple(note for note in answer.notes if note.startswith("The answer names")) == notes
    one.use_cast(None)
    assert "Mara" not in answerer.answer("Who says take the key?").names


def test_who_is_when_is_answered_from_the_memory(
    film: Workspace, loaded: LoadedModel, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly, with spans, in every way of asking; the model is asked of nothing that the memory knows."""
    one = session(film, loaded, "film", cast)
    answerer = ModelAnswerer(one)
    about, other = "When does Otto first appear?", "What happens?"
    answers = answerer.answer_many([other, about, other])
    assert [answer.answerer for answer in answers] == ["tiny", "identity memory", "tiny"]
    assert answers[0].text == answers[2].text
    monkeypatch.setattr(one, "ask", None)
    monkeypatch.setattr(one, "stream", None)
    answer = answerer.answer(about)
    assert answer.text == answers[1].text == "Otto first appears at 00:00:04.000."
    assert [(span.start, span.end) for span in answer.spans] == [(4.0, 14.0)]
    assert list(answerer.stream(about)) == [answer.text]
    assert answerer.answer(about, until=4.0).text == "Otto is not seen on screen before 00:00:04.000."
    one.use_cast(None)
    with pytest.raises(TypeError):
        answerer.answer(about)
