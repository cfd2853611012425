"""The processor: the reference's film prompt, the language model's own template, batches, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.model.config import MovieConfig
from movieqa.model.processor import MovieProcessor
from movieqa.movie import Shot, Subtitle
from movieqa.prompt import FRAME_SLOT, IGNORED_LABEL, MODEL_TEMPLATE, Turn
from tests.tiny_checkpoint import tiny_processor

CHAT = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture
def processor() -> MovieProcessor:
    return tiny_processor()


def written(processor: MovieProcessor, ids: np.ndarray) -> str:
    return str(processor.tokenizer.decode(np.where(ids == FRAME_SLOT, 38, ids)))  # 38 is the letter C


def test_film_prompt_places_lines_and_people(processor: MovieProcessor) -> None:
    prompt = processor.film_prompt(
        "Who  runs</s>?",
        frame_times=np.array([0.0, 1.0]),
        subtitles=[Subtitle(start=0.2, end=0.8, text="Run!", speaker="Mara")],
        identity_lines=["Mara: the\ncaptain"],
        answer_tokens=16,
    )
    slot = processor.tokenizer.decode([38]) * 2
    text = written(processor, prompt.input_ids)
    assert text.startswith("<s>A chat between a curious user")
    assert text.endswith(
        "USER: Mara: the captain\nBelow is a movie. Memorize the content and answer my question after watching this "
        f"movie.{slot}Mara: Run!{slot}Now the movie end.\nWho runs? ASSISTANT:"
    )
    assert prompt.guidance == "Who runs?"
    assert prompt.budget.is_whole
    assert prompt.budget.prompt_tokens == len(prompt)
    other = processor.film_prompt("Who?", frame_times=np.array([0.0]), guidance="the film")
    assert other.guidance == "the film"


def test_later_questions_keep_the_film_in_front(processor: MovieProcessor) -> None:
    earlier = [Turn(role="user", text="Who runs?"), Turn(role="assistant", text="Mara.</s>\nYes")]
    film = {"frame_times": np.arange(3.0), "answer_tokens": 8}
    first = processor.film_prompt("Who runs?", **film)
    second = processor.film_prompt("Where to?", earlier=earlier, **film)
    assert np.array_equal(second.input_ids[: len(first)], first.input_ids)  # the first prompt can stay in the cache
    text = written(processor, second.input_ids)
    assert text.endswith("Who runs? ASSISTANT: Mara. Yes</s>USER: Where to? ASSISTANT:")
    assert second.guidance == "Where to?"
    assert second.budget.prompt_tokens == len(second)
    with pytest.raises(ConfigError, match="user and assistant take turns"):
        processor.film_prompt("Where to?", earlier=earlier[:1], **film)


def test_film_prompt_that_cannot_fit(processor: MovieProcessor) -> None:
    shots = [Shot(index=i, start=float(i), end=i + 1.0, kind="cut" if i else "start") for i in range(50)]
    given = {"frame_times": np.arange(50.0), "shots": shots, "answer_tokens": 10}
    with pytest.raises(ContextOverflowError, match="one frame for each of 50 shots"):
        processor.film_prompt("Who?", limit=100, **given)
    with pytest.raises(ContextOverflowError):
        processor.film_prompt("Who? " * 3000, **given)
    assert len(processor.film_prompt("Who?", **given).budget.frames) == 50


def test_tokens_that_joining_adds_are_paid_for(processor: MovieProcessor) -> None:
    """The space between two lines is a token of its own here; the prompt stays within the limit all the same."""
    lines = [Subtitle(start=i / 10, end=i / 10 + 0.05, text="word") for i in range(40)]
    for limit in range(400, 480, 7):
        prompt = processor.film_prompt(
            "Who?", frame_times=np.arange(20.0), subtitles=lines, answer_tokens=10, limit=limit
        )
        assert len(prompt) + 10 <= limit == prompt.budget.limit
        assert len(prompt.budget.subtitles) < 40


def test_own_template_of_the_language_model(processor: MovieProcessor) -> None:
    config = MovieConfig.from_dict({**processor.config.to_dict(), "template": MODEL_TEMPLATE})
    processor.tokenizer.chat_template = CHAT
    own = MovieProcessor(config, processor.tokenizer, processor.guidance_tokenizer)
    turns = [Turn(role="user", text="<image>Who?"), Turn(role="assistant", text="Mara.")]
    encoded = own.encode(turns, num_slots=[2])
    assert (encoded.input_ids == FRAME_SLOT).sum() == 2
    assert (
        written(own, encoded.input_ids) == "<s>[user]" + written(own, np.array([38, 38])) + "Who?[assistant]Mara.</s>"
    )
    assert own.tokenizer.decode(encoded.labels[encoded.labels >= 0]).endswith("Mara.</s>")
    assert (encoded.input_ids == 1).sum() == 1
    assert written(own, own.encode(turns[:1]).input_ids).endswith("Who?[assistant]")
    with pytest.raises(ConfigError, match="the user first"):
        own.encode(turns[1:])


def test_saved_and_loaded(processor: MovieProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    again = MovieProcessor.from_pretrained(tmp_path)
    turns = [Turn(role="user", text="Who é?"), Turn(role="assistant", text="Mara.")]
    assert np.array_equal(again.encode(turns).input_ids, processor.encode(turns).input_ids)
    assert torch.equal(again.guidance_ids("Who runs?"), processor.guidance_ids("Who runs?"))
    assert again.config.to_dict() == MovieConfig.from_pretrained(tmp_path).to_dict()


def test_batches(processor: MovieProcessor) -> None:
    samples = [processor.encode([Turn(role="user", text=text)]) for text in ("a", "longer than a")]
    right, left = (processor.collate(samples, pad_left=side) for side in (False, True))
    length = len(samples[0].input_ids)
    assert torch.equal(right.input_ids[0, :length], left.input_ids[0, -length:])
    assert right.attention_mask.sum(dim=1).tolist() == [len(sample.input_ids) for sample in samples]
    assert not left.attention_mask[0, 0]
    assert (right.labels == IGNORED_LABEL).all()


def test_guidance_keeps_its_end(processor: MovieProcessor) -> None:
    ids = processor.guidance_ids("a " * 400)
    assert len(ids) == 256
    whole = processor.guidance_ids("who\nruns")
    assert torch.equal(whole, processor.guidance_ids("whoruns"))  # newlines are deleted, as in training


def test_pictures_of_any_kind(processor: MovieProcessor) -> None:
    picture = Image.new("RGBA", (40, 300), (255, 0, 0, 10))
    assert processor.preprocess([picture, picture.convert("L")]).shape == (2, 3, 112, 112)
    padded = processor.preprocess([picture], pad=True)
    assert padded[0, :, 56, 0].abs().max() < 0.02  # the mean colour
    for wrong in (np.zeros((4, 4), dtype=np.uint8), np.zeros((4, 4, 3), dtype=np.float32)):
        with pytest.raises(ConfigError, match="a picture must be"):
            processor.preprocess([wrong])


def test_marks_and_media_must_agree(processor: MovieProcessor) -> None:
    with pytest.raises(ConfigError, match="1 frame marks in the conversation for 2 media"):
        processor.encode([Turn(role="user", text="<image>")], num_slots=[2, 2])
