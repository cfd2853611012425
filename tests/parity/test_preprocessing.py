"""Pictures, guidance texts, conversations and film texts against the reference's own pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from movieqa.checkpoint import convert_checkpoint
from movieqa.model.processor import MovieProcessor
from movieqa.movie import Subtitle
from movieqa.prompt import FRAME_MARK, Turn, vicuna_v1, write_film, write_question
from tests.parity.recordings import ARCHITECTURE, FOLDER, arrays, texts


@pytest.mark.parametrize("name", ["crop_wide", "pad_wide", "pad_tall", "crop_exact"])
def test_pictures_are_equal_to_the_bit(processor: MovieProcessor, name: str) -> None:
    recorded = arrays("preprocess")
    way, picture = name.split("_")
    pixels = processor.preprocess([recorded[f"raw_{picture}"].numpy()], pad=way == "pad")
    assert torch.equal(pixels[0], recorded[name])


def test_frames_are_equal_to_the_bit(processor: MovieProcessor) -> None:
    recorded = arrays("vision")
    pixels = processor.preprocess([frame.numpy() for frame in recorded["frames_u8"][:2]])
    assert torch.equal(pixels, recorded["pixel_values"])


def test_guidance_ids(processor: MovieProcessor) -> None:
    recorded = arrays("qformer")
    for question, ids, mask in zip(
        texts()["questions"], recorded["prompt_input_ids"], recorded["prompt_attention_mask"], strict=True
    ):
        assert torch.equal(processor.guidance_ids(question), ids[mask.bool()])
    long_prompt = texts()["long_prompt"]
    assert torch.equal(processor.guidance_ids(long_prompt)[None], recorded["truncated_input_ids"])
    whole = processor.guidance_tokenizer(long_prompt)["input_ids"]
    assert whole == recorded["untruncated_input_ids"][0].tolist()


def test_expanded_guidance_is_the_same_text_for_every_frame() -> None:
    recorded = arrays("qformer")
    num_queries, num_frames = recorded["query_tokens"].shape[1], len(recorded["image_features"])
    ids, mask = recorded["prompt_input_ids"], recorded["prompt_attention_mask"]
    assert torch.equal(recorded["expanded_input_ids"], ids.repeat_interleave(num_frames, dim=0))
    assert torch.equal(
        recorded["expanded_attention_mask"],
        torch.nn.functional.pad(mask, (num_queries, 0), value=1).repeat_interleave(num_frames, dim=0),
    )


def test_film_text_at_one_frame_a_second() -> None:
    lines = [Subtitle(start=s["start_time"], end=s["end_time"], text=s["text"]) for s in texts()["subtitles"]]
    written = write_film(texts()["frame_times_1fps"], lines, tokens_per_frame=1)
    assert written == texts()["inputs_1fps"]


def test_film_text_at_shot_frames_keeps_early_lines_early() -> None:
    """The reference moves lines that end before the first frame to the end of the film; ours follow that frame."""
    lines = [Subtitle(start=s["start_time"], end=s["end_time"], text=s["text"]) for s in texts()["subtitles"]]
    written = write_film(texts()["frame_times_shots"], lines, tokens_per_frame=1)
    early = "<i>Captain Mara steers the</i> Who gave the old co and then"
    assert written.startswith(f"<image>{early}<image><image>The detective")
    assert written == f"<image>{early}" + texts()["inputs_shots"].replace(f"{early} ", "").removeprefix("<image>")


def test_rendered_conversation() -> None:
    turns = [
        Turn(role="user", text="<image>\nfirst?"),
        Turn(role="assistant", text="answer one"),
        Turn(role="user", text="second?"),
    ]
    assert vicuna_v1().render(turns).text == texts()["templates_rendered"]["vicuna_v1"]


def test_film_prompt_is_the_reference_prompt() -> None:
    film = texts()["inputs_1fps"].replace(FRAME_MARK, FRAME_MARK * 2)
    turn = Turn(role="user", text=write_question(film, texts()["questions"][1]))
    assert vicuna_v1().render([turn]).text == texts()["cases"]["long"]["generate_prompt"]


@pytest.mark.parametrize("case", ["image", "video5", "long", "two_turn_first", "two_turn_second"])
def test_prompt_ids(processor: MovieProcessor, case: str) -> None:
    prompt = texts()["cases"][case]["generate_prompt"]
    ids = {
        "image": ("case_image", "gen_input_ids"),
        "video5": ("case_video5", "gen_input_ids"),
        "long": ("case_long", "gen_input_ids"),
        "two_turn_first": ("case_two_turn", "turn1_gen_input_ids"),
        "two_turn_second": ("case_two_turn", "turn2_gen_input_ids"),
    }[case]
    system = vicuna_v1().system
    turns = []
    for index, part in enumerate(prompt.removeprefix(system).removesuffix(" ASSISTANT:").split("</s>")):
        user, _, answer = part.removeprefix("USER: ").partition(" ASSISTANT: ")
        turns += [Turn(role="user", text=user)]
        turns += [Turn(role="assistant", text=answer)] if answer else []
        assert index < 2
    assert processor.encode(turns).input_ids.tolist() == arrays(ids[0])[ids[1]][0].tolist()


def test_old_releases_that_call_themselves_llava(tmp_path: Path) -> None:
    """Their tokenizer is the same; transformers would choose another by that name."""
    release = Path(shutil.copytree(FOLDER / "checkpoint", tmp_path / "release"))
    config = json.loads((release / "config.json").read_text())
    (release / "config.json").write_text(json.dumps({**config, "model_type": "llava"}))
    convert_checkpoint(
        release, tmp_path / "model", guidance_tokenizer=FOLDER / "bert-base-uncased", architecture=ARCHITECTURE
    )
    processor = MovieProcessor.from_pretrained(tmp_path / "model")
    encoded = processor.encode([Turn(role="user", text=f"<image>\n{texts()['questions'][0]}")])
    assert encoded.input_ids.tolist() == arrays("case_image")["gen_input_ids"][0].tolist()


@pytest.mark.parametrize("index", range(6))
def test_training_ids_and_labels(processor: MovieProcessor, index: int) -> None:
    sample = texts()["stage2"][index]
    turns = []
    for position, said in enumerate(sample["record"]["conversations"]):
        text = said["value"]
        if position == 0 and FRAME_MARK in text:  # the reference moves the first mark before the text
            text = f"{FRAME_MARK}\n{text.replace(FRAME_MARK, '').strip()}"
        if index == 2 and position == 0:  # and writes the film, its "..." removed, in the mark's place
            film = texts()["inputs_1fps"].replace(FRAME_MARK, FRAME_MARK * 2).replace("...", "")
            text = text.replace(FRAME_MARK, film)
        if index == 3 and position == 2:  # and gives later turns a mark of their own
            text = f"{text}\n{FRAME_MARK}"
        turns.append(Turn(role="user" if said["from"] == "human" else "assistant", text=text))
    encoded = processor.encode(turns)
    assert encoded.input_ids.tolist() == sample["input_ids"]
    assert encoded.labels.tolist() == sample["labels"]


@pytest.mark.parametrize("index", range(2))
def test_stage_1_ids_and_labels(processor: MovieProcessor, index: int) -> None:
    sample = texts()["stage1"][index]
    user, answer = (said["value"] for said in sample["record"]["conversations"])
    config = type(processor.config).from_dict({**processor.config.to_dict(), "template": "plain"})
    plain = MovieProcessor(config, processor.tokenizer, processor.guidance_tokenizer)
    encoded = plain.encode([Turn(role="user", text=user), Turn(role="assistant", text=answer)])
    assert encoded.input_ids.tolist() == sample["input_ids"]
    assert encoded.labels.tolist() == sample["labels"]


def test_decoded_answer(processor: MovieProcessor) -> None:
    answer = texts()["stage2"][0]["record"]["conversations"][1]["value"]
    labels = torch.tensor(texts()["stage2"][0]["labels"])
    assert processor.decode(labels[labels >= 0]) == answer


def test_film_prompt_ids(processor: MovieProcessor) -> None:
    prompt = processor.film_prompt(
        texts()["questions"][1],
        frame_times=np.array(texts()["frame_times_1fps"]),
        subtitles=[Subtitle(start=s["start_time"], end=s["end_time"], text=s["text"]) for s in texts()["subtitles"]],
        answer_tokens=16,
    )
    assert prompt.input_ids.tolist() == arrays("case_long")["gen_input_ids"][0].tolist()
    assert prompt.frame_slots.shape == (66, 2)
    assert prompt.guidance == texts()["cases"]["long"]["text_guidance"][0][0]
