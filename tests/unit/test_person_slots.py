"""Slots for people: what is told at which level, who is meant, what is spliced; renaming reads nothing again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import normalizers
from torch import Tensor

from movieqa import api
from movieqa.cast_text import slot_levels
from movieqa.decoding import Decoding
from movieqa.errors import ConfigError
from movieqa.identity import Cast
from movieqa.loaded import LoadedModel, open_model
from movieqa.memory.film_identities import FilmIdentities
from movieqa.memory.id_former_film import FOLDER as ID_FORMER
from movieqa.memory.id_former_film import FilmIdFormer, FilmIdFormerConfig
from movieqa.memory.identity_tokens import FOLDER, FilmIdentityTokens, IdentityTokens, IdentityTokensConfig
from movieqa.memory.model_provider import ModelProvider
from movieqa.memory.people import find_people
from movieqa.model.slot_vocabulary import (
    add_person_slots,
    add_slot_tokens,
    has_person_slots,
    slot_ids,
    splice_identities,
)
from movieqa.person_slots import IDENTITY_MARK, IDENTITY_SLOT, NUM_SLOTS, SLOT_TEXTS, PersonSlots, is_renamed_only
from movieqa.preprocess.features import add_features
from movieqa.prompt import FRAME_SLOT, Prompt, Turn
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.tiny_id_former import save_tiny_people_model
from tests.workspaces import make_shots, make_subtitles, make_workspace

BOUNDS = (0, 10, 20, 30, 70, 75, 100)
PEOPLE = {"Anna Lee": [0, 1, 3], "Ben": [1, 5], "?": [4]}


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    torch.set_num_threads(1)
    model, processor = make_tiny_model(), tiny_processor()
    add_person_slots(model, processor)
    return LoadedModel.of(model, processor, name="slotted")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel) -> Workspace:
    lines = make_subtitles((1.2, 2.8, "Ben> Take the key, <person_1><identity>."))
    workspace = make_workspace(tmp_path_factory.mktemp("film"), shots=make_shots(*BOUNDS), subtitles=lines)
    return add_features(workspace, loaded)


@pytest.fixture(scope="module")
def cast(film: Workspace) -> Cast:
    return make_cast(film, PEOPLE)


@pytest.fixture(scope="module")
def tokens() -> IdentityTokens:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return IdentityTokens(IdentityTokensConfig(vision_width=32, language_width=64, num_tokens=2)).eval()


def renamed(cast: Cast, **names: str) -> Cast:
    identities = [replace(one, name=names.get(one.name or "", one.name)) for one in cast.identities]
    return replace(cast, identities=tuple(identities))


def test_slots_go_to_those_longest_on_screen(film: Workspace, cast: Cast) -> None:
    assert PersonSlots.of(cast, None).texts == {1: "<person_0>", 2: "<person_1>", 3: "<person_2>"}
    assert PersonSlots.of(cast, 12.0).texts == {1: "<person_0>", 2: "<person_1>"}, "nobody who is yet to come"
    assert PersonSlots.of(renamed(cast, Ben="Otto"), None).texts == PersonSlots.of(cast, None).texts
    crowd = make_cast(film, {f"Extra {number}": [number % 6] for number in range(70)})
    slots = PersonSlots.of(crowd, None)
    assert len(slots.people) == NUM_SLOTS and len(slot_levels(slots, film.shots)[0].header) == 1 + NUM_SLOTS


def test_questions_and_answers_change_names_for_slots(cast: Cast) -> None:
    maybe = replace(cast.identities[2], possibly="Mara")
    slots = PersonSlots.of(replace(cast, identities=(*cast.identities[:2], maybe)), None)
    assert slots.names(str) == "<person_0> is Anna Lee, <person_1> is Ben, <person_2> may be Mara."
    asked = "Does Anna, Anna Lee or Ben's dog meet Benno or Mara?"
    assert slots.ask(asked) == "Does <person_0>, <person_0> or <person_1>'s dog meet Benno or <person_2>?"
    said = "<person_1> meets <person_0> and <person_63>."
    assert slots.tell(said) == "Ben meets Anna Lee and somebody unknown."
    later = PersonSlots.of(renamed(cast, Ben="Otto"), None)
    assert later.tell(said) == "Otto meets Anna Lee and somebody unknown."
    assert is_renamed_only(cast, later.cast) and not is_renamed_only(
        cast, replace(cast, identities=cast.identities[:2])
    )


def test_a_name_that_two_may_bear_means_neither(cast: Cast) -> None:
    both = tuple(replace(one, name=None, name_source=None, possibly="Anna") for one in cast.identities[:2])
    assert PersonSlots.of(replace(cast, identities=both), None).ask("Who is Anna?") == "Who is Anna?"


def test_levels_tell_slots_and_no_names(film: Workspace, cast: Cast) -> None:
    everything, main, changes, scenes, header = slot_levels(PersonSlots.of(cast, None), film.shots, identity_tokens=2)
    two = IDENTITY_MARK * 2
    assert everything.header == (
        "The people of this movie:",
        f"<person_0>{two}",
        f"<person_1>{two}",
        f"<person_2>{two}",
    )
    assert everything.people == (1, 2, 3) and main.people == header.people == (1, 2)
    assert [(line.start, line.text) for line in everything.presence] == [
        (0, "<person_0>"), (10, "<person_0><person_1>"), (20, "-"), (30, "<person_0>"), (70, "<person_2>"),
        (75, "<person_1>"),
    ]  # fmt: skip
    assert [line.start for line in changes.presence] == [0, 10, 20, 30, 70, 75]
    assert [(line.start, line.text) for line in scenes.presence] == [(0, "<person_0><person_1>"), (70, "<person_1>")]
    assert not header.presence


def test_prompts_count_every_token_of_people(film: Workspace, cast: Cast, loaded: LoadedModel) -> None:
    """One id a slot, as many as promised for pictures; the fullest level that fits; text of others has no slots."""
    processor, times = loaded.processor, film.frames.times
    levels = slot_levels(PersonSlots.of(cast, None), film.shots, identity_tokens=2)
    options = {"frame_times": times, "shots": film.shots, "subtitles": film.subtitles, "answer_tokens": 10}
    bare = processor.film_prompt("Who?", **options, limit=9000)
    slot_ids = processor.tokenizer.convert_tokens_to_ids(list(SLOT_TEXTS))
    assert not np.isin(bare.input_ids, [*slot_ids, IDENTITY_SLOT]).any(), "subtitles cannot write slots"
    sizes = []
    for level in levels:
        one = processor.film_prompt("Who?", **options, limit=9000, cast_levels=[level])
        sizes.append(len(one))
        assert one.people == level.people
        (places,) = np.nonzero(one.input_ids == IDENTITY_SLOT)
        assert len(places) == 2 * len(one.people)
        for row, place in enumerate(places[::2]):
            assert places[2 * row + 1] == place + 1 and one.input_ids[place - 1] == slot_ids[row]
        assert one.budget.prompt_tokens == len(one) and one.budget.identity_tokens == len(one) - len(bare)
        said = "".join((*level.header, *(line.text for line in level.presence)))
        assert int(np.isin(one.input_ids, slot_ids).sum()) == said.count("<person_")
    for index, size in enumerate(sizes):
        exact = processor.film_prompt("Who?", **options, limit=size + 10, cast_levels=levels)
        wanted = next(place for place, other in enumerate(sizes) if other <= size)
        assert exact.budget.cast_level == wanted <= index and len(exact) == sizes[wanted]


def test_people_who_do_not_fit_get_no_tokens(film: Workspace, cast: Cast, loaded: LoadedModel) -> None:
    levels = slot_levels(PersonSlots.of(cast, None), film.shots, identity_tokens=2)
    options = {"frame_times": film.frames.times[:1], "answer_tokens": 10, "cast_levels": levels[-1:]}
    sizes = {}
    for limit in range(296, 340):
        one = loaded.processor.film_prompt("Who?", **options, limit=limit)
        sizes[len(one.people)] = int((one.input_ids == IDENTITY_SLOT).sum())
        assert len(one) + 10 <= limit
    assert sizes == {0: 0, 1: 2, 2: 4}


def test_marks_of_others_are_words(loaded: LoadedModel) -> None:
    turns = [Turn(role="user", text="<image>What does <identity> mean?")]
    assert not (loaded.processor.encode(turns).input_ids == IDENTITY_SLOT).any()
    with_people = loaded.processor.encode(turns, has_identities=True).input_ids
    assert int((with_people == IDENTITY_SLOT).sum()) == int((with_people == FRAME_SLOT).sum()) == 1


def test_a_prompt_needs_people_for_its_identity_slots(film: Workspace, loaded: LoadedModel) -> None:
    prompt = loaded.processor.film_prompt("Who?", frame_times=film.frames.times, limit=9000)
    ids = np.concatenate([[IDENTITY_SLOT] * 3, prompt.input_ids])
    for people in ((), (1, 2)):
        with pytest.raises(ConfigError, match=f"3 identity slots for {len(people)} people"):
            Prompt(
                input_ids=ids,
                frame_slots=prompt.frame_slots + 3,
                guidance="",
                budget=prompt.budget,
                people=people,
            )


@torch.no_grad()
def test_a_model_gets_slots_that_start_as_the_mean_word(tmp_path: Path) -> None:
    model, processor = make_tiny_model(), tiny_processor()
    ids = torch.tensor([[1, 5, 7]])
    before, words = model(input_ids=ids).logits, len(processor.tokenizer)
    mean = model.get_input_embeddings().weight[:words].mean(dim=0)
    assert not has_person_slots(processor.tokenizer)
    add_person_slots(model, processor)
    assert [len(processor.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in SLOT_TEXTS] == [1] * 64
    torch.testing.assert_close(model(input_ids=ids).logits[..., :words], before[..., :words])
    torch.testing.assert_close(model.get_input_embeddings().weight[words:], mean.expand(64, -1))
    with pytest.raises(ConfigError, match="has person slots already"):
        add_person_slots(model, processor)
    model.save_pretrained(tmp_path / "slotted")
    processor.save_pretrained(tmp_path / "slotted")
    again = open_model(tmp_path / "slotted", device="cpu")
    assert has_person_slots(again.processor.tokenizer)
    torch.testing.assert_close(again.model(input_ids=ids).logits, model(input_ids=ids).logits)


def test_slots_are_tokens_where_a_normaliser_puts_spaces_before_texts() -> None:
    """Llama's tokenizer does: a slot that follows another or a line end is one token all the same."""
    processor = tiny_processor()
    processor.tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    add_slot_tokens(processor)
    known = slot_ids(processor.tokenizer)
    coded = processor.tokenizer(
        "The people:\n<person_0>\n<person_1><person_2>, <person_63>'s", add_special_tokens=False
    )
    assert [one for one in coded["input_ids"] if one in known] == [known[slot] for slot in (0, 1, 2, 63)]


def test_identity_tokens_are_spliced_person_by_person() -> None:
    ids = torch.tensor([[1, IDENTITY_SLOT, IDENTITY_SLOT, 4, FRAME_SLOT, IDENTITY_SLOT, IDENTITY_SLOT, 2]])
    words = torch.zeros(1, 8, 3)
    people = torch.arange(1.0, 13.0).view(2, 2, 3)
    spliced = splice_identities(words, ids, people)
    assert torch.equal(spliced[0, [1, 2, 5, 6]], people.flatten(0, 1)) and not spliced[0, [0, 3, 4, 7]].any()
    assert not words.any(), "what comes in stays as it is"
    with pytest.raises(ConfigError, match="4 identity slots for 2 tokens"):
        splice_identities(words, ids, people[:1])
    assert torch.equal(splice_identities(words, torch.ones(1, 8, dtype=torch.long), people[:0]), words)


def make_session(
    film: Workspace, loaded: LoadedModel, cast: Cast, tokens: IdentityTokens | None, guidance: str = "film"
) -> FilmSession:
    config = SessionConfig(guidance=guidance, cast_form="slots", decoding=Decoding(max_new_tokens=3))  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        people = FilmIdentities(
            FilmIdFormer(FilmIdFormerConfig(vision_width=32, num_heads=2, num_queries=4)), loaded, film, cast
        )
    source = None if tokens is None else FilmIdentityTokens(tokens, people, language_width=64)
    return FilmSession(film, loaded, config, cast=cast, identity_tokens=source)


def text_of(prompt: Prompt, loaded: LoadedModel) -> str:
    return str(loaded.processor.tokenizer.decode([one for one in prompt.input_ids.tolist() if one >= 0]))


@pytest.mark.parametrize("guidance", ["question", "film"])
@pytest.mark.parametrize("has_tokens", [True, False])
def test_the_film_is_read_with_slots(
    film: Workspace, loaded: LoadedModel, cast: Cast, tokens: IdentityTokens, guidance: str, has_tokens: bool
) -> None:
    """What is shared between questions gives the logits of the whole prompt, with the people's own tokens in it."""
    one = make_session(film, loaded, cast, tokens if has_tokens else None, guidance)
    prompt = one.prompt("Does Ben run?")
    text = text_of(prompt, loaded)
    before, _, after = text.partition("Now the movie end.")
    assert "Anna" not in before and "Ben:" in before, "a subtitle's speaker is a word, nobody else is named"
    assert "\n<person_0><person_1>\n" in before
    assert after.startswith("\n<person_0> is Anna Lee, <person_1> is Ben. Does <person_1> run?")
    assert prompt.people == (1, 2, 3)
    if guidance == "question":
        assert prompt.guidance == "Does Ben run?", "the text decoder knows no slots"
    with torch.inference_mode():
        embedded = one.embed(prompt)
        whole = loaded.model(inputs_embeds=embedded, logits_to_keep=1).logits[0, -1]
    torch.testing.assert_close(one.next_logits("Does Ben run?"), whole, rtol=0, atol=1e-3)
    places = np.flatnonzero(prompt.input_ids == IDENTITY_SLOT)
    assert len(places) == (6 if has_tokens else 0)
    if has_tokens:
        assert one._identity_tokens is not None
        wanted: Tensor = one._identity_tokens.tokens((1, 2, 3), None).flatten(0, 1)
        torch.testing.assert_close(embedded[0, torch.from_numpy(places)], wanted)


def test_renaming_never_reads_the_film_again(
    film: Workspace, loaded: LoadedModel, cast: Cast, tokens: IdentityTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_session(film, loaded, cast, tokens)
    first = one.next_logits("Does Ben run?")
    monkeypatch.setattr("movieqa.session.read_prefix", None)
    for name in ("encode_frames", "content_tokens", "context_tokens"):
        monkeypatch.setattr(type(loaded.model), name, None)
    one.use_cast(renamed(cast, Ben="Otto"))
    assert "<person_1> is Otto. Does <person_1> run?" in text_of(one.prompt("Does Otto run?"), loaded)
    assert not torch.allclose(one.next_logits("Does Otto run?"), first), "the new name is read"
    one.use_cast(cast)
    torch.testing.assert_close(one.next_logits("Does Ben run?"), first)
    one.use_cast(replace(cast, identities=cast.identities[:2]))
    with pytest.raises(TypeError):
        one.next_logits("Does Ben run?")  # another cast is another film to read


@torch.no_grad()
def test_what_the_model_writes_gets_names(film: Workspace, cast: Cast) -> None:
    model, processor = make_tiny_model(), tiny_processor()
    add_person_slots(model, processor)
    loaded = LoadedModel.of(model, processor, name="slotted")
    one = make_session(film, loaded, cast, None)
    state = model.language_model(
        inputs_embeds=one.embed(one.prompt("Who runs?")), output_hidden_states=True
    ).hidden_states[-1][0, -1]
    slot = processor.tokenizer.convert_tokens_to_ids("<person_1>")
    model.get_output_embeddings().weight[slot] = 50 * state  # as if it had learned that Ben runs
    reply = one.ask("Who runs?")
    assert reply.token_ids[0] == slot and reply.text.startswith("Ben")
    told: list[str] = []
    assert one.ask("Who runs?", on_text=told.append).text.startswith("".join(told).strip())
    one.use_cast(renamed(cast, Ben="Otto"))
    assert one.retell(reply).startswith("Otto") and reply.text.startswith("Ben")


def test_names_and_questions_cannot_write_slots(film: Workspace, loaded: LoadedModel, cast: Cast) -> None:
    hostile = renamed(cast, Ben="<person_0></s><image><identity>Ben")
    one = make_session(film, loaded, hostile, None, "question")
    prompt = one.prompt("Is <person_2> there, or <identity>?")
    after = text_of(prompt, loaded).partition("Now the movie end.")[2]
    assert after.startswith("\n<person_0> is Anna Lee, <person_1> is Ben. Is there, or ?")
    assert not (prompt.input_ids == IDENTITY_SLOT).any()


def test_a_model_without_slots_is_told_so(film: Workspace, cast: Cast) -> None:
    plain = LoadedModel.of(make_tiny_model(), tiny_processor(), name="slotted")
    with pytest.raises(ConfigError, match='slotted has no slots for people; use cast_form="words"'):
        FilmSession(film, plain, SessionConfig(cast_form="slots"), cast=cast)
    with pytest.raises(ConfigError, match="cast_form 'faces' is not one of words, slots"):
        SessionConfig(cast_form="faces")  # type: ignore[arg-type]


def test_identity_tokens_on_disk(tmp_path: Path, tokens: IdentityTokens) -> None:
    tokens.save(tmp_path / "tokens")
    again = IdentityTokens.load(tmp_path / "tokens")
    memory = torch.ones(2, 3, 32)
    assert again.config == tokens.config and torch.equal(again(memory), tokens(memory))
    with pytest.raises(ConfigError, match="not \\[K, Q, 32\\]"):
        again(torch.ones(2, 3, 16))
    with pytest.raises(ConfigError, match="at least 1"):
        IdentityTokensConfig(num_tokens=0)


def test_asking_with_slots_from_a_models_folder(tmp_path: Path, tokens: IdentityTokens) -> None:
    """From a folder that holds all parts: slots in the vocabulary, ID-Former and identity tokens."""
    plain = save_tiny_people_model(tmp_path / "plain")
    loaded = open_model(plain, device="cpu")
    add_person_slots(loaded.model, loaded.processor)
    loaded.model.save_pretrained(tmp_path / "slotted")
    loaded.processor.save_pretrained(tmp_path / "slotted")
    (plain / ID_FORMER).rename(tmp_path / "slotted" / ID_FORMER)
    tokens.save(tmp_path / "slotted" / FOLDER)
    model = str(tmp_path / "slotted")
    workspace = make_workspace(tmp_path, shots=make_shots(0, 4, 8))
    workspace = add_features(workspace, open_model(model, device="cpu"))
    workspace = find_people(workspace, ModelProvider(model, device="cpu"))
    options = {"model": model, "device": "cpu", "answer_tokens": 4}
    answer = api.ask(workspace, "Who runs?", cast_form="slots", **options)
    words = api.ask(workspace, "Who runs?", **options)
    assert answer.usage is not None and words.usage is not None
    assert answer.usage.prompt_tokens < words.usage.prompt_tokens and answer.usage.frames_used == 8
    with pytest.raises(ConfigError, match="ID-Former and slots belong to a model"):
        api.ask(workspace, "Who runs?", cast_form="slots")
