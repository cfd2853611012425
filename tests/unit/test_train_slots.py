"""Training with person slots: how records are written, what is trained, what reaches it, and what is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from movieqa.api.train import make_identity_tokens
from movieqa.memory.identity_tokens import IdentityTokens
from movieqa.model import MovieProcessor, load_model
from movieqa.model.config import tiny
from movieqa.model.slot_vocabulary import slot_ids
from movieqa.person_slots import IDENTITY_SLOT
from movieqa.prompt import FRAME_SLOT
from movieqa.train.config import TrainConfig
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.formats.reading import read_sample
from movieqa.train.data.packing import join
from movieqa.train.data.sample import SampleError
from movieqa.train.data.training_set import TrainingSet, open_training_set
from movieqa.train.engine import whole_name
from movieqa.train.exporting import export_model
from movieqa.train.opening import OpenedModel, open_model
from movieqa.train.processes import Processes
from movieqa.train.reading import to_micro
from movieqa.train.sequence_parallel import cut
from movieqa.train.trainable import named_weights, trained_names
from movieqa.train.training_model import TrainingModel
from tests.tiny_checkpoint import save_tiny_model
from tests.training_data import said, write_picture, write_records
from tests.training_people import embed_example
from tests.training_runs import run_config, save_model, seeded_id_former

SLOTS = DataConfig(people="slots", identity_tokens=2)
ALONE = Processes(rank=0, world_size=1, device=torch.device("cpu"))


def record(*said_: str, **fields: Any) -> dict[str, Any]:
    return {"conversations": said(*said_, human="user", gpt="assistant"), **fields}


TWO = record(
    "Anna Lee is <img>a.png</img>\n Ben is <img>b.png</img>\n Anna Lee is <img>c.png</img>\n"
    " In the image: <img>t.png</img>\n Does Anna meet Ben's dog or Benno?",
    "Ben meets Anna Lee.",
    "Who is <ref>Ben</ref>?",
    "<ref>Ben</ref><box>(1,2),(3,4)</box>",
    id=7,
)


def test_records_are_written_as_films_are_asked_about() -> None:
    sample = read_sample(TWO, SLOTS)
    first = sample.turns[0].text
    lines = first.split("\n")
    assert lines[0] == "The people of this movie:"
    one, other = (line.removesuffix("<identity>" * 2) for line in lines[1:3])
    assert int(one[8:-1]) < int(other[8:-1]), "as in a film the first slot is told of first"
    assert lines[3] == "In the image: <image>"
    anna, ben = (one, other) if f"{one} is Anna Lee" in lines[4] else (other, one)
    called = {anna: "Anna Lee", ben: "Ben"}
    assert lines[4] == (f"{one} is {called[one]}, {other} is {called[other]}. Does {anna} meet {ben}'s dog or Benno?")
    assert [turn.text for turn in sample.turns[1:]] == [
        f"{ben} meets {anna}.",
        f"Who is <ref>{ben}</ref>?",
        f"<ref>{ben}</ref><box>(1,2),(3,4)</box>",
    ]
    shown = [(picture.name, picture.identity) for picture in sample.people]
    places = {slot: place for place, slot in enumerate((one, other))}
    assert shown == [("a.png", places[anna]), ("b.png", places[ben]), ("c.png", places[anna])]
    (test,) = sample.media
    assert (test.name, test.role) == ("t.png", "test")
    assert test.guidance == "In the image:  Does Anna meet Ben's dog or Benno?", "the text decoder knows no slots"


def test_slots_are_chance_and_the_same_in_every_run() -> None:
    def written(seed: int, number: int) -> str:
        return read_sample({**TWO, "id": number}, replace(SLOTS, seed=seed)).turns[0].text

    assert written(1, 3) == written(1, 3) != written(2, 3)
    slots = [read_sample({**TWO, "id": number}, SLOTS).turns[1].text.split()[0] for number in range(400)]
    assert len(set(slots)) > 55, "every slot stands for anybody"
    firsts = sum(read_sample({**TWO, "id": number}, SLOTS).people[0].identity == 0 for number in range(400))
    assert 150 < firsts < 250, "and whom a record names first is not told of first"
    both = replace(SLOTS, people="both")
    share = sum("<person_" in read_sample({**TWO, "id": number}, both).turns[0].text for number in range(400)) / 400
    assert 0.4 < share < 0.6
    names = replace(SLOTS, people="names")
    assert {len(read_sample({**TWO, "id": number}, names).media) for number in range(9)} == {4}


def test_only_references_make_slots() -> None:
    plain = record("Picture 1: <img>a.png</img>\nWho is it?", "Ben.")
    assert read_sample(plain, SLOTS) == read_sample(plain, replace(SLOTS, people="names"))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "Ben is <img>b.png</img>\nWho is Ben?",
            "<person_X><identity><identity>\n<person_X> is Ben. Who is <person_X>?",
        ),
        ("Ben is <img>b.png</img>, Al is <img>a.png</img>\n<img>t.png</img>", "\n<image>\n"),
        (" is <img>b.png</img>\nWho runs?", "<person_X><identity><identity>\nWho runs?"),
        ("Ben is <img>b.png</img>\n<person_9><iden<person_1>tity>Who?", "<identity>\n<person_X> is Ben. Who?"),
    ],
)
def test_odd_records(text: str, first: str) -> None:
    sample = read_sample(record(text, "Ben."), SLOTS)
    slot = sample.turns[0].text.split("\n")[1].split("<identity>")[0]
    assert first.replace("<person_X>", slot) in sample.turns[0].text
    assert sample.turns[0].text.count("<identity>") == 2 * len({one.identity for one in sample.people})


def test_too_many_people_are_one_clear_line() -> None:
    crowd = "\n".join(f"Extra {number} is <img>{number}.png</img>" for number in range(65))
    with pytest.raises(SampleError, match="65 people, and there are 64 slots"):
        read_sample(record(f"{crowd}\nWho?", "Nobody."), SLOTS)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return save_model(tmp_path_factory.mktemp("start") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write records of one, two and three people, and one without any."""
    folder = tmp_path_factory.mktemp("records")
    for number, name in enumerate("abct"):
        write_picture(folder / f"{name}.png", seed=number)
    lead = "Cid is <img>c.png</img>\n Anna is <img>a.png</img>\n Ben is <img>b.png</img>"
    records = [
        TWO,
        record(f"{lead}\n In these: <img>t.png</img>\n <img>a.png</img>\n Who runs?", "Cid and Anna.", id=1),
        record("Ben is <img>b.png</img>\n Who is Ben?", "He is Ben.", id=2),
        {"id": 3, "image": "t.png", "conversations": said("<image>\nWhat is it?", "A tram.")},
    ]
    return write_records(folder / "records.json", records)


def slotted(start: Path, data: Path, *settings: str) -> TrainConfig:
    return run_config("identity_associate", start, data, "data.people=slots", "data.identity_tokens=3", *settings)


def opened_with(config: TrainConfig) -> tuple[OpenedModel, TrainingSet]:
    torch.manual_seed(config.seed)
    opened = open_model(config, make_id_former=seeded_id_former, make_identity_tokens=make_identity_tokens)
    return opened, open_training_set(config.data, opened.processor, opened.model.config)


def training_model(opened: OpenedModel) -> TrainingModel:
    return TrainingModel(
        opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens, tile=16, recomputes=True
    )


def own_loss(opened: OpenedModel, samples: TrainingSet, index: int) -> Tensor:
    """Return the summed loss of one sample by itself."""
    example = samples[index]
    embeddings = embed_example(opened.model, opened.id_former, opened.identity_tokens, example)
    labels = torch.from_numpy(example.labels)[None]
    loss: Tensor = opened.model(inputs_embeds=embeddings, labels=labels, num_items_in_batch=1).loss
    return loss


def gradients_of(opened: OpenedModel) -> dict[str, Tensor]:
    found = {}
    beside = {"id_former": opened.id_former, "identity_tokens": opened.identity_tokens}
    for name, weight in named_weights(opened.model, **beside):
        if weight.requires_grad:
            found[name] = torch.zeros_like(weight) if weight.grad is None else weight.grad
            weight.grad = None
    return found


@pytest.mark.parametrize("packs", [False, True])
def test_samples_with_slots_learn_together_what_each_learns_alone(start: Path, data: Path, packs: bool) -> None:
    """Side by side or packed in one row: no sample sees another's people."""
    opened, samples = opened_with(slotted(start, data))
    assert [len(samples[index].people) for index in range(4)] == [3, 3, 1, 0]
    counts = [int((samples[index].input_ids == IDENTITY_SLOT).sum()) for index in range(4)]
    assert counts == [6, 9, 3, 0], "three tokens each of two, three, one and no people"
    expected = torch.stack([own_loss(opened, samples, index) for index in range(4)])
    expected.sum().backward()
    expected_gradients = gradients_of(opened)
    examples = [samples[index] for index in range(4)]
    batch = collate([join(examples)] if packs else examples)
    model = training_model(opened)
    loss = model(to_micro(batch, ALONE, attention="sdpa", tokens_per_frame=2))
    torch.testing.assert_close(loss, expected.sum(), rtol=1e-5, atol=1e-4)
    loss.backward()
    model.whole()
    found = gradients_of(opened)
    assert found.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(found[name], gradient.view_as(found[name]), rtol=2e-3, atol=2e-4, msg=name)
    for name in ("id_former.query", "identity_tokens.projector.weight", "id_former.identity_attention.in_proj_weight"):
        assert found[name].abs().max() > 0, name
    used = {int(one) for index in range(4) for one in samples[index].input_ids} & set(
        slot_ids(opened.processor.tokenizer)
    )
    rows = found["language_model.model.embed_tokens.weight"].abs().sum(dim=1)
    assert {slot for slot in slot_ids(opened.processor.tokenizer) if rows[slot] > 0} == used


def test_a_sample_with_slots_is_cut_among_processes(start: Path, data: Path) -> None:
    """Frames and people of each stretch are those of the whole, those that are read with people in mind too."""
    opened, samples = opened_with(slotted(start, data))
    model = training_model(opened)
    whole = to_micro(collate([samples[1]]), ALONE, attention="sdpa", tokens_per_frame=2)
    rows = model.frames(whole.pieces, whole.people)
    num_frames = int((whole.input_ids == FRAME_SLOT).sum())
    frames, people = rows[1 : 1 + num_frames], rows[1 + num_frames :]
    assert len(people) == 9
    for size in (2, 3, 50):
        parts = [cut(whole, rank=rank, size=size, tokens_per_frame=2) for rank in range(size)]
        made = [model.frames(part.pieces, part.people)[1:] for part in parts]
        counts = [int((part.input_ids == FRAME_SLOT).sum()) for part in parts]
        assert [len(some) for some in made] == [
            count + int((part.input_ids == IDENTITY_SLOT).sum()) for count, part in zip(counts, parts, strict=True)
        ]
        again = [some[:count] for some, count in zip(made, counts, strict=True)]
        torch.testing.assert_close(torch.cat(again), frames, rtol=1e-4, atol=1e-5)
        rest = [some[count:] for some, count in zip(made, counts, strict=True)]
        torch.testing.assert_close(torch.cat(rest), people, rtol=1e-4, atol=1e-5)


LORA = ("model.trains=person_slots,identity_tokens,id_former", "lora.rank=4", "lora.dropout=0")
FROZEN = ("model.trains=person_slots,identity_tokens,id_former",)


@pytest.mark.parametrize(("settings", "ties"), [(LORA, False), (FROZEN, True)])
def test_beside_adapters_only_rows_of_slots_are_trained(
    tmp_path: Path, data: Path, settings: tuple[str, ...], ties: bool
) -> None:
    config = tiny()
    config.qformer.hidden_dropout_prob = config.qformer.attention_probs_dropout_prob = 0.0
    config.language.tie_word_embeddings = config.tie_word_embeddings = ties
    model = save_tiny_model(tmp_path / "model", config)
    run = slotted(model, data, *settings)
    opened, samples = opened_with(run)
    names = trained_names(opened.model, id_former=opened.id_former, identity_tokens=opened.identity_tokens)
    of_language = {name for name in names if name.startswith("language_model.")}
    rows = {name for name in of_language if ".trainable_tokens_delta." in name}
    assert len(rows) == (1 if ties else 2)
    assert all(".lora_" in name for name in of_language - rows) and bool(of_language - rows) == (settings is LORA)
    assert {name.split(".")[0] for name in names} == {"language_model", "id_former", "identity_tokens"}
    before = {name: weight.detach().clone() for name, weight in opened.model.named_parameters()}
    model_ = training_model(opened)
    micro = to_micro(collate([samples[0]]), ALONE, attention="sdpa", tokens_per_frame=2)
    trained = [weight for weight in model_.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=1e-3)
    first = model_(micro)
    first.backward()
    assert not [name for name, weight in model_.named_parameters() if weight.requires_grad and weight.grad is None]
    optimizer.step()
    after = model_(micro)
    assert after.item() < first.item()
    weights = {whole_name(name): weight.detach() for name, weight in model_.named_parameters() if weight.requires_grad}
    model_.whole()
    assert {name for name, weight in opened.model.named_parameters() if not torch.equal(weight, before[name])} <= set(
        names
    )
    export_model(
        run,
        weights,
        tmp_path / "trained",
        make_id_former=seeded_id_former,
        make_identity_tokens=make_identity_tokens,
    )
    check_rows(model, tmp_path / "trained", is_lora=settings is LORA)
    again, _ = opened_with(slotted(tmp_path / "trained", data, "model.trains=content_projector"))
    torch.testing.assert_close(own_loss(again, samples, 0), after, rtol=1e-4, atol=1e-3)


def check_rows(model: Path, exported: Path, *, is_lora: bool) -> None:
    """Of words and output layer, rows of slots are new, and every other row is as it was."""
    before, after = load_model(model), load_model(exported)
    slots = slot_ids(MovieProcessor.from_pretrained(exported).tokenizer)
    for get in ("get_input_embeddings", "get_output_embeddings"):
        old, new = getattr(before, get)().weight, getattr(after, get)().weight
        assert torch.equal(new[: slots[0]], old[: slots[0]]) and len(new) == len(old) + 64
    changed = after.get_input_embeddings().weight[slots] - before.get_input_embeddings().weight.mean(dim=0)
    assert int((changed.abs().sum(dim=1) > 1e-4).sum()) >= 2, "the slots of the sample were learned"
    inner = [name for name, weight in before.named_parameters() if "layers" in name and "language" in name]
    assert all(torch.equal(before.get_parameter(name), after.get_parameter(name)) for name in inner) != is_lora
    assert (exported / "id-former" / "model.safetensors").is_file()
    assert IdentityTokens.load(exported / "identity-tokens").config.num_tokens == 3
