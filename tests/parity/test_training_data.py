"""Records through the whole data path against what LLaMA-VID and VTimeLLM make of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from torch.testing import assert_close
from transformers import PreTrainedTokenizerFast

from movieqa.model import MovieModel, MovieProcessor
from movieqa.model.config import tiny
from movieqa.prompt import FRAME_MARK, FRAME_SLOT, Turn
from movieqa.train.data.batch import collate
from movieqa.train.data.config import DataConfig
from movieqa.train.data.formats.vtimellm import vtimellm_sample
from movieqa.train.data.sample import SampleError, Stretch
from movieqa.train.data.templates import processor_for
from movieqa.train.data.training_set import TrainingSet, open_training_set
from movieqa.train.data.videos import spread_indices
from tests.parity.recordings import FOLDER, arrays, expand, texts
from tests.tiny_checkpoint import letter_tokenizer
from tests.training_data import write_clip, write_records

VTIMELLM = Path(__file__).parent.parent / "golden" / "train" / "vtimellm"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for name in ("wide", "tall", "exact"):
        Image.fromarray(arrays("preprocess")[f"raw_{name}"].numpy()).save(folder / f"{name}.png")
    write_clip(folder / "clip.mkv", arrays("vision")["frames_u8"].numpy())
    shutil.copy(FOLDER / "movie.pkl", folder / "movie.pkl")
    return folder


def opened(folder: Path, processor: MovieProcessor, stage: str, **settings: Any) -> TrainingSet:
    """Open the recorded records of a stage; their clip is a video here, not an array."""
    records = [
        {**sample["record"], **({"video": "clip.mkv"} if sample["record"].get("video") == "clip.npz" else {})}
        for sample in texts()[stage]
    ]
    file = write_records(folder / f"{stage}.json", records)
    return open_training_set(DataConfig(files=(file,), **settings), processor, processor.config)


@pytest.fixture(scope="module")
def stage_2(media: Path, processor: MovieProcessor) -> TrainingSet:
    """With the seed that shows the picture again where the recorded run showed it."""
    recorded = expand(torch.tensor(texts()["stage2"][3]["input_ids"]), [2, 2])[0].tolist()
    opened_by_ids: dict[tuple[int, ...], TrainingSet] = {}
    for seed in range(20):
        data = opened(media, processor, "stage2", seed=seed)
        opened_by_ids[tuple(data[3].input_ids.tolist())] = data
        if len(opened_by_ids) == 2:  # the picture stands again before or after the second question
            break
    return opened_by_ids[tuple(recorded)]


def num_slots(sample: dict[str, Any], length: int) -> list[int]:
    """Return how many frame slots each recorded placeholder stands for, all the same."""
    marks = sample["input_ids"].count(FRAME_SLOT)
    extra = length - len(sample["input_ids"])
    return [1 + extra // marks] * marks if marks else []


@pytest.mark.parametrize("index", range(6))
def test_stage_2_and_3_records_give_the_recorded_ids_and_labels(stage_2: TrainingSet, index: int) -> None:
    sample, example = texts()["stage2"][index], stage_2[index]
    ids, labels = expand(
        torch.tensor(sample["input_ids"]), num_slots(sample, len(example)), torch.tensor(sample["labels"])
    )
    assert example.input_ids.tolist() == ids.tolist()
    assert example.labels.tolist() == labels.tolist()
    assert len(example) == stage_2.lengths[index]


@pytest.mark.parametrize("index", range(2))
def test_stage_1_records_give_the_recorded_ids_and_labels(media: Path, processor: MovieProcessor, index: int) -> None:
    data = opened(media, processor, "stage1", template="plain", pad_pictures=False)
    sample, example = texts()["stage1"][index], data[index]
    ids, labels = expand(
        torch.tensor(sample["input_ids"]), num_slots(sample, len(example)), torch.tensor(sample["labels"])
    )
    assert example.input_ids.tolist() == ids.tolist()
    assert example.labels.tolist() == labels.tolist()


CASES = [("image", [0]), ("video5", [1]), ("two_turn", [3]), ("batch", [3, 4, 5]), ("mixed", [1, 0])]


@pytest.mark.parametrize(("case", "indices"), CASES)
def test_batches_have_the_recorded_labels_and_loss(
    stage_2: TrainingSet, model: MovieModel, case: str, indices: list[int]
) -> None:
    recorded = arrays(f"case_{case}")
    batch = collate([stage_2[index] for index in indices])
    length = batch.labels.shape[1]  # the reference pads a batch before it grows, by columns that nobody needs
    assert not recorded["attention_mask"][:, length:].any()
    is_real = torch.ones_like(batch.labels, dtype=torch.bool) if batch.attention_mask is None else batch.attention_mask
    assert torch.equal(is_real, recorded["attention_mask"][:, :length])
    assert torch.equal(batch.labels, recorded["labels"][:, :length])
    with torch.no_grad():
        assert_close(model(**batch.arguments()).loss, recorded["loss"], rtol=0, atol=1e-5)


def test_a_film_has_the_recorded_loss(stage_2: TrainingSet, film_model: MovieModel) -> None:
    recorded, batch = arrays("case_long"), collate([stage_2[2]])
    assert torch.equal(batch.labels, recorded["labels"])
    with torch.no_grad():
        assert_close(film_model(**batch.arguments()).loss, recorded["loss"], rtol=0, atol=1e-5)


def test_stage_1_has_the_recorded_loss(media: Path, processor: MovieProcessor, model: MovieModel) -> None:
    data = opened(media, processor, "stage1", template="plain", pad_pictures=False)
    with torch.no_grad():
        loss = model(**collate([data[0]]).arguments()).loss
    assert_close(loss, arrays("case_stage1")["loss"], rtol=0, atol=1e-5)


def test_two_turns_on_one_picture_share_its_pixels(stage_2: TrainingSet) -> None:
    batch = collate([stage_2[3]])
    first, second = batch.media[0]
    assert first.pixels is second.pixels
    assert first.guidance_ids.tolist() != second.guidance_ids.tolist()


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VTIMELLM / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("index", range(40))
def test_vtimellm_records_are_written_as_recorded(index: int) -> None:
    record, expected = lines("train_items.jsonl")[index], lines("train_items_expected.jsonl")[index]
    sample = vtimellm_sample(record, DataConfig(reference_compatible=True))
    written = [turn.text.replace(FRAME_MARK, "<video>") for turn in sample.turns]
    assert written == [said["value"] for said in expected["conversations"]]
    if "image" not in record:
        assert sample.media[0].num_frames == expected["feature_shape"][0]


@pytest.mark.parametrize(
    "case", lines("frame_indices.jsonl"), ids=lambda case: f"{case['total_frames']}{case['split']}"
)
def test_vtimellm_frames_are_those_recorded(case: dict[str, Any]) -> None:
    split = case["split"]
    if split is not None and (split[0] >= split[1] or int(split[0] * case["fps"]) >= case["total_frames"]):
        # the reference goes backwards there, or stays on the last frame; such records are refused
        if split[0] >= split[1]:
            with pytest.raises(SampleError):
                Stretch(start=split[0], end=split[1])
        return
    stretch = None if split is None else Stretch(start=max(0.0, split[0]), end=split[1])
    assert spread_indices(case["total_frames"], case["fps"], case["n"], stretch).tolist() == case["indices"]


def word_processor() -> MovieProcessor:
    """Return a processor of words with the blank before them, and of markers, as the recordings were made with."""
    markers = ["<unk>", "<s>", "</s>", "[gMASK]", "sop", "<|user|>", "<|assistant|>", "<|im_start|>", "<|im_end|>"]
    pieces: set[str] = set()
    splitter = pre_tokenizers.Split(Regex(r"\n| ?[A-Za-z]+| ?[0-9]+| ?[^A-Za-z0-9\s]| "), behavior="isolated")
    system = texts()["templates_rendered"]["vicuna_v1"]
    for case in json.loads((VTIMELLM / "supervision.json").read_text(encoding="utf-8")):
        for text in (
            system,
            "system\nYou are a helpful assistant.\nuser\nassistant",
            *(one for turn in case["talk"] for one in turn),
        ):
            for start in (text, text.split("<video>")[-1]):
                pieces |= {piece for piece, _ in splitter.pre_tokenize_str(start)}
                pieces |= {f" {piece}" for piece in pieces if not piece.startswith((" ", "\n"))}
    vocabulary = {name: index for index, name in enumerate([*markers, *sorted(pieces - set(markers))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = splitter
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    fast.add_special_tokens({"additional_special_tokens": markers[3:]})
    return MovieProcessor(tiny(), fast, letter_tokenizer())


TEMPLATES = {"v1": "vicuna_v1", "plain": "plain_line", "chatglm3": "chatglm3"}
SUPERVISION = json.loads((VTIMELLM / "supervision.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [case for case in SUPERVISION if case["template"] in TEMPLATES])
def test_what_is_learned_is_what_vtimellm_learns(case: dict[str, Any]) -> None:
    """The cases of `llama_2` are left out: the reference's own mask fails there, and nothing is learned."""
    processor = word_processor()
    turns = []
    for question, answer in case["talk"]:
        turns += [Turn(role="user", text=question.replace("<video>", FRAME_MARK)), Turn(role="assistant", text=answer)]
    encoded = processor_for(processor, processor.config, TEMPLATES[case["template"]]).encode(turns)
    assert len(encoded.input_ids) == case["n_tokens"]
    learned = processor.tokenizer.convert_ids_to_tokens(encoded.labels[encoded.labels >= 0].tolist())
    assert [piece.strip() or piece for piece in learned] == [p.strip() or p for p in case["supervised_pieces"]]
    if case.get("video_token_position") is not None:
        assert encoded.input_ids.tolist().index(FRAME_SLOT) == case["video_token_position"]


def test_chatml_learns_markers_and_answers() -> None:
    """As IDA-VLM's tuning does: markers and line ends of all turns, and the words of answers only."""
    processor = word_processor()
    turns = [Turn(role="user", text="When?"), Turn(role="assistant", text="A tram.")]
    encoded = processor_for(processor, processor.config, "chatml").encode(turns)
    learned = processor.tokenizer.convert_ids_to_tokens(encoded.labels[encoded.labels >= 0].tolist())
    start, end = "<|im_start|>", "<|im_end|>"
    assert learned == [start, end, "\n", start, end, "\n", start, "A", " tram", ".", end, "\n"]
