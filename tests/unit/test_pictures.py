"""Questions about single pictures: side by side as alone, in the context, from hostile files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movieqa.decoding import Decoding
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.loaded import LoadedModel
from movieqa.model.config import tiny
from movieqa.pictures import PictureAnswerer, PictureQuestion, open_picture
from tests.tiny_checkpoint import make_tiny_model, tiny_processor


@pytest.fixture(scope="module")
def answerer() -> PictureAnswerer:
    model = make_tiny_model(tiny(), seed=1)
    return PictureAnswerer(
        LoadedModel.of(model, tiny_processor(model.config), name="tiny"), Decoding(max_new_tokens=6), batch_size=3
    )


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8))


QUESTIONS = [
    PictureQuestion(text="Who is this?", pictures=(picture(1),)),
    PictureQuestion(
        text="Ann is <image> Bob is <image> Who is in <image>?", pictures=(picture(1), picture(2), picture(3))
    ),
    PictureQuestion(text="And without a picture?"),
    PictureQuestion(text="Two in front", pictures=(picture(4), picture(5))),
]


def test_side_by_side_equals_alone(answerer: PictureAnswerer) -> None:
    together = answerer.answer_many(QUESTIONS)
    assert together == [answerer.answer(question) for question in QUESTIONS]
    assert len(together) == 4


def test_the_picture_matters(answerer: PictureAnswerer) -> None:
    encoded = answerer._encode(QUESTIONS[1])
    slots = answerer.loaded.processor.config.num_tokens_per_frame
    assert (encoded.input_ids < 0).sum() == 3 * slots
    assert len(answerer._media(QUESTIONS[1])) == 3


def test_marks_and_pictures_must_agree(answerer: PictureAnswerer) -> None:
    with pytest.raises(ConfigError, match="frame marks"):
        answerer.answer(PictureQuestion(text="<image> and <image>", pictures=(picture(1),)))


def test_too_many_pictures(answerer: PictureAnswerer) -> None:
    limit = answerer.loaded.processor.config.max_context
    with pytest.raises(ContextOverflowError, match="do not fit"):
        answerer.answer(PictureQuestion(text="x" * limit, pictures=(picture(1),)))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GIF89a"])
def test_what_is_no_picture(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(ConfigError, match=r"p\.png") as caught:
        open_picture(tmp_path / "p.png")
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="missing"):
        open_picture(tmp_path / "nothing.png")


def test_a_picture_that_unpacks_to_too_much(tmp_path: Path) -> None:
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    with pytest.raises(ConfigError, match="12000x12000"):
        open_picture(tmp_path / "bomb.png")
