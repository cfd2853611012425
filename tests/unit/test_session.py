"""Many questions, one film: what is cached changes nothing, and nothing after `until` is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, MistralConfig, Qwen2Config

from movieqa.builder import WorkspaceBuilder
from movieqa.decoding import Decoding, TextStream, choose
from movieqa.errors import ConfigError, ContextOverflowError, WorkspaceError
from movieqa.loaded import LoadedModel
from movieqa.manifest import Manifest
from movieqa.model import Media
from movieqa.model.cache import CacheSettings
from movieqa.model.config import tiny
from movieqa.movie_files import dump_subtitles
from movieqa.preprocess.features import FeaturesConfig, add_features
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.tiny_checkpoint import byte_tokenizer, make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

LINES = make_subtitles((1.2, 2.8, "Anna> Take the key."), (5.1, 6.4, "No!"), (11.2, 13.0, "It was you."))
QUESTIONS = ["Who takes the key?", "What?", "Where do they go after the boathouse?", "Why"]
SHORT = Decoding(max_new_tokens=12)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return LoadedModel.of(make_tiny_model(), tiny_processor(), name="tiny")


def film_of(folder: Path, model: LoadedModel) -> Workspace:
    workspace = make_workspace(folder, shots=make_shots(0, 4, 9, 14), subtitles=LINES, num_frames=14)
    return add_features(workspace, model, FeaturesConfig(frames_per_shard=5, batch_size=5))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel) -> Workspace:
    return film_of(tmp_path_factory.mktemp("film"), loaded)


def session(film: Workspace, loaded: LoadedModel, **options: object) -> FilmSession:
    return FilmSession(film, loaded, SessionConfig(**{"decoding": SHORT, **options}))  # type: ignore[arg-type]


def recomputed(one: FilmSession, question: str, *, until: float | None = None) -> tuple[torch.Tensor, list[int]]:
    """Return logits and greedy ids of a question, computed from the whole prompt without any cache of ours."""
    prompt, model = one.prompt(question, until=until), one.loaded.model
    media = Media(
        guidance_ids=one.loaded.processor.guidance_ids(prompt.guidance),
        features=one.features.read(prompt.budget.frames),
    )
    ids = torch.from_numpy(prompt.input_ids)[None]
    with torch.inference_mode():
        logits = model(input_ids=ids, media=[[media]], logits_to_keep=1).logits[0, -1]
    written = model.generate(ids, media=[[media]], max_new_tokens=12, do_sample=False, eos_token_id=2, pad_token_id=0)
    return logits, [token for token in written[0].tolist() if token != 2]


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_cached_and_recomputed_agree(film: Workspace, loaded: LoadedModel, guidance: str) -> None:
    one = session(film, loaded, guidance=guidance)
    for question in QUESTIONS:
        logits, ids = recomputed(one, question)
        torch.testing.assert_close(one.next_logits(question), logits, rtol=0, atol=1e-3)
        reply = one.ask(question)
        assert list(reply.token_ids) == ids
        assert reply.text == loaded.processor.decode(torch.tensor(ids))


@pytest.mark.parametrize(
    "language",
    [
        LlamaConfig(num_key_value_heads=2, rope_parameters={"rope_type": "linear", "factor": 16.0, "rope_theta": 1e4}),
        Qwen2Config(num_key_value_heads=2, use_sliding_window=False),
    ],
    ids=["grouped heads and stretched positions", "qwen2"],
)
def test_other_language_models(tmp_path: Path, language: LlamaConfig) -> None:
    language.update(
        {
            "vocab_size": 384,
            "hidden_size": 64,
            "intermediate_size": 88,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "initializer_range": 0.2,
        }
    )
    config = tiny(text_config=language)
    model = LoadedModel.of(make_tiny_model(config), tiny_processor(config), name="tiny")
    one = session(film_of(tmp_path, model), model, guidance="film")
    for reply in one.ask_many(QUESTIONS):
        logits, ids = recomputed(one, reply.question)
        torch.testing.assert_close(one.next_logits(reply.question), logits, rtol=0, atol=1e-3)
        assert list(reply.token_ids) == ids


def test_several_at_once_are_as_alone(film: Workspace, loaded: LoadedModel) -> None:
    one = session(film, loaded, guidance="film", batch_size=3)
    together = one.ask_many(QUESTIONS)
    for reply in together:
        alone = session(film, loaded, guidance="film").ask(reply.question)
        assert reply.token_ids == alone.token_ids
        np.testing.assert_allclose(reply.attention, alone.attention, atol=1e-5)
    assert [reply.question for reply in together] == QUESTIONS


def test_the_film_is_read_once(film: Workspace, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    one = session(film, loaded, guidance="film")
    one.ask("Who?")
    monkeypatch.setattr(type(loaded.model), "context_tokens", None)
    monkeypatch.setattr(type(loaded.model), "content_tokens", None)
    monkeypatch.setattr("movieqa.session.read_prefix", None)
    one.ask_many(QUESTIONS)


def test_content_tokens_are_computed_once_for_all_questions(
    film: Workspace, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = session(film, loaded)
    one.ask("Who?")
    monkeypatch.setattr(type(loaded.model), "content_tokens", None)
    one.ask("Where?")


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_nothing_after_until_is_read(film: Workspace, loaded: LoadedModel, guidance: str, tmp_path: Path) -> None:
    """A film whose lines and features are others from `until` on gives the same tokens and attention."""
    other = Workspace.open(shutil.copytree(film.path, tmp_path / "film.movieqa"))
    lines = (*LINES[:1], *make_subtitles((5.5, 9.0, "Something else.")))
    with WorkspaceBuilder(other.path, other.manifest) as builder, builder.step("subtitles", {}) as output:
        (output.folder / "subtitles.jsonl").write_text(dump_subtitles(lines), encoding="utf-8")
    for shard in (other.path / "features/tiny").glob("*.safetensors"):
        stored = load_file(shard)
        first = int(shard.stem) * 5
        stored["features"][max(0, 6 - first) :] = float("nan")
        save_file(stored, shard)
    other = Workspace(other.path, Manifest.read(other.path))
    replies = [session(one, loaded, guidance=guidance).ask("Who?", until=5.5) for one in (film, other)]
    assert replies[0].frames == (0, 1, 2, 3, 4, 5)
    assert replies[0].token_ids == replies[1].token_ids
    np.testing.assert_allclose(replies[0].attention, replies[1].attention, atol=1e-6)
    assert replies[0].usage.subtitles_used == 1 and replies[0].usage.subtitles_dropped == 0


def test_until_can_change_between_questions(film: Workspace, loaded: LoadedModel) -> None:
    one = session(film, loaded, guidance="film")
    whole = one.ask("Who?")
    part = one.ask("Who?", until=3.0)
    assert (
        part.frames == (0, 1, 2)
        and part.token_ids == session(film, loaded, guidance="film").ask("Who?", until=3.0).token_ids
    )
    assert one.ask("Who?").token_ids == whole.token_ids
    with pytest.raises(ConfigError, match="until"):
        one.ask("Who?", until=0.0)


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_pieces_make_the_answer(film: Workspace, loaded: LoadedModel, guidance: str) -> None:
    one = session(film, loaded, guidance=guidance, decoding=Decoding(max_new_tokens=60))
    pieces: list[str] = []
    reply = one.ask("Who?", on_text=pieces.append)
    assert "".join(pieces) == reply.text and all(pieces)
    assert "".join(one.stream("Who?")) == reply.text
    steps = one.stream("Who?")
    next(steps)
    steps.close()
    assert one.ask("Who?").text == reply.text, "an answer that was broken off leaves no trace"


def test_drawing_is_seeded(film: Workspace, loaded: LoadedModel) -> None:
    def draw(seed: int) -> list[tuple[int, ...]]:
        settings = Decoding(max_new_tokens=10, temperature=1.5, top_p=0.9, seed=seed)
        return [
            reply.token_ids for reply in session(film, loaded, guidance="film", decoding=settings).ask_many(QUESTIONS)
        ]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_the_likeliest_words_are_kept() -> None:
    logits = torch.tensor([[0.0, 3.0, 2.9, -9.0]])
    settings = Decoding(temperature=1.0, top_p=0.6)
    drawn = {int(choose(logits, settings, [torch.Generator().manual_seed(seed)])) for seed in range(50)}
    assert drawn == {1, 2}


def test_attention_is_a_share(film: Workspace, loaded: LoadedModel) -> None:
    reply = session(film, loaded).ask("Who?")
    assert reply.attention.shape == (14,) and (reply.attention > 0).all() and reply.attention.sum() < 1


def test_attention_is_that_of_eager_attention(film: Workspace, loaded: LoadedModel) -> None:
    one = session(film, loaded, decoding=Decoding(max_new_tokens=1))
    prompt = one.prompt("Who?")
    language = loaded.model.language_model
    before = language.config._attn_implementation
    language.set_attn_implementation("eager")
    with torch.inference_mode():
        weights = language(inputs_embeds=one.embed(prompt), output_attentions=True).attentions
    language.set_attn_implementation(before)
    expected = weights[0][0, :, -1].mean(dim=0)[torch.from_numpy(prompt.frame_slots)].sum(dim=-1)
    np.testing.assert_allclose(one.ask("Who?").attention, expected.numpy(), atol=1e-6)
    assert language.config._attn_implementation == before


def test_what_was_used_is_told(film: Workspace, loaded: LoadedModel) -> None:
    one = session(film, loaded, limit=len(session(film, loaded).prompt("Who?")) + 12 - 6)
    usage = one.ask("Who?").usage
    assert (usage.frames_used, usage.frames_dropped) == (11, 3)
    assert (usage.subtitles_used, usage.subtitles_dropped) == (3, 0)
    assert usage.prompt_tokens + 12 <= usage.limit
    assert str(usage).startswith("11 of 14 frames, 3 of 3 subtitle lines; ")
    with pytest.raises(ContextOverflowError):
        session(film, loaded, limit=40).ask("Who?")


def test_a_question_that_is_too_long_for_its_room(film: Workspace, loaded: LoadedModel) -> None:
    base = session(film, loaded, guidance="film", question_tokens=16)
    limit = len(base.prompt("Who?")) + 12 + 10
    tight = session(film, loaded, guidance="film", question_tokens=16, limit=limit)
    tight.ask("Who?")
    with pytest.raises(ContextOverflowError, match="ask a shorter one"):
        tight.ask("Who " + "really " * 10 + "?")


@pytest.mark.parametrize("kind", ["static", "quantized"])
def test_caches_of_other_kinds(film: Workspace, loaded: LoadedModel, kind: str) -> None:
    if kind == "quantized":
        pytest.importorskip("optimum.quanto")
    cache = CacheSettings(kind=kind)  # type: ignore[arg-type]
    plain = session(film, loaded, guidance="film").next_logits("Who?")
    kept = session(film, loaded, guidance="film", cache=cache).next_logits("Who?")
    tolerance = 1e-4 if kind == "static" else 0.5 * float(plain.abs().max())
    torch.testing.assert_close(kept, plain, rtol=0, atol=tolerance)


def test_reading_in_chunks_changes_nothing(film: Workspace, loaded: LoadedModel) -> None:
    whole = session(film, loaded).next_logits("Who?")
    torch.testing.assert_close(session(film, loaded, prefill_chunk=7).next_logits("Who?"), whole, rtol=0, atol=1e-4)


def test_a_question_cannot_bring_frames_or_marks(film: Workspace, loaded: LoadedModel) -> None:
    one = session(film, loaded, guidance="film")
    assert one.prompt("Who</s> <image>runs?").input_ids.tolist() == one.prompt("Who runs?").input_ids.tolist()
    with pytest.raises(ConfigError, match="the question is empty"):
        one.ask(" <image> ")


def test_no_memory_is_one_clear_line(film: Workspace, loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 34 GiB.\nMore lines follow.")

    monkeypatch.setattr("movieqa.session.read_prefix", fail)
    with pytest.raises(
        ConfigError, match=r"not enough memory for reading the prompt \(CUDA out of memory\. Tried"
    ) as caught:
        session(film, loaded).ask("Who?")
    assert "\n" not in str(caught.value)


def test_features_are_needed(film: Workspace, loaded: LoadedModel, tmp_path: Path) -> None:
    bare = make_workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="no features of model tiny; make them with"):
        FilmSession(bare, loaded)
    moved = Workspace.open(shutil.copytree(film.path, tmp_path / "moved.movieqa"))
    assert session(moved, loaded).ask("Who?").frames


def test_attention_that_cannot_be_shared_is_refused(film: Workspace) -> None:
    language = MistralConfig(
        vocab_size=384,
        hidden_size=64,
        intermediate_size=88,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=8,
    )
    config = tiny(text_config=language)
    model = LoadedModel.of(make_tiny_model(config), tiny_processor(config), name="mistral")
    with pytest.raises(ConfigError, match="mistral has attention that a film session cannot share"):
        FilmSession(add_features(film, model), model)


@pytest.mark.parametrize(
    "options",
    [{"guidance": "none"}, {"question_tokens": 0}, {"batch_size": 0}, {"film_guidance": " "}],
)
def test_settings_that_cannot_work(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SessionConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"max_new_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}])
def test_decoding_that_cannot_work(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Decoding(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["Otto gives Mara the key.", "Ça va où? — là-bas…", "彼女は鍵を渡したあとで家に帰りました。", "a\nb"]
)
def test_a_stream_never_takes_back(text: str) -> None:
    tokenizer = byte_tokenizer()
    stream = TextStream(tokenizer)
    pieces = [stream.add(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]
    assert "".join([*pieces, stream.finish()]) == text
    assert "\ufffd" not in "".join(pieces)
