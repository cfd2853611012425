"""Answers questions about single pictures, with a model: no film, no times, no memory of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, UnidentifiedImageError

from movieqa.decoding import Decoding
from movieqa.errors import ConfigError, ContextOverflowError
from movieqa.loaded import LoadedModel
from movieqa.model.processor import Encoded
from movieqa.model.tokens import Media
from movieqa.prompt import FRAME_MARK, Turn, clean_text

MOST_PIXELS = 64_000_000
"""Width times height of a picture that is read at all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureQuestion:
    """A question with its pictures.

    Attributes:
        text: With `FRAME_MARK` where each picture stands; without any mark the pictures stand in front.
        pictures: Files, or PIL pictures.
    """

    text: str
    pictures: tuple[Path | Image.Image, ...] = ()


class PictureAnswerer:
    """Asks a model about pictures.

    Args:
        loaded: The model.
        decoding: How words are chosen.
        batch_size: Questions that are answered side by side.

    Example:
        >>> answerer = PictureAnswerer(open_model("llama-vid-7b"))  # doctest: +SKIP
        >>> answerer.answer(PictureQuestion(text="Who is this?", pictures=(Path("face.jpg"),)))  # doctest: +SKIP
        'A man with a beard.'
    """

    def __init__(self, loaded: LoadedModel, decoding: Decoding | None = None, *, batch_size: int = 8) -> None:
        if batch_size < 1:
            raise ConfigError(f"at least one question is answered at a time, not {batch_size}")
        self.loaded = loaded
        self._decoding = Decoding() if decoding is None else decoding
        self._batch_size = batch_size

    def answer(self, question: PictureQuestion) -> str:
        """Answer one question.

        Raises:
            ConfigError: A picture cannot be read, marks and pictures do not agree, or memory is not enough.
            ContextOverflowError: Pictures, question and answer do not fit into the model's context.
        """
        return self.answer_many([question])[0]

    def answer_many(self, questions: Sequence[PictureQuestion]) -> list[str]:
        """Answer several questions side by side; errors are those of `answer`."""
        answers: list[str] = []
        for start in range(0, len(questions), self._batch_size):
            answers += self._answer_batch(questions[start : start + self._batch_size])
        return answers

    def _answer_batch(self, questions: Sequence[PictureQuestion]) -> list[str]:
        model, processor = self.loaded.model, self.loaded.processor
        batch = processor.collate([self._encode(question) for question in questions], pad_left=True)
        device = model.device
        options: dict[str, Any] = {"do_sample": False}
        if self._decoding.temperature > 0:
            torch.manual_seed(self._decoding.seed)
            options = {"do_sample": True, "temperature": self._decoding.temperature, "top_p": self._decoding.top_p}
        ids = model.generate(
            batch.input_ids.to(device),
            media=[self._media(question) for question in questions],
            attention_mask=batch.attention_mask.to(device),
            max_new_tokens=self._decoding.max_new_tokens,
            **options,
        )
        assert isinstance(ids, torch.Tensor)
        return [processor.decode(row) for row in ids.cpu()]

    def _encode(self, question: PictureQuestion) -> Encoded:
        specials = [str(token) for token in self.loaded.processor.tokenizer.all_special_tokens]
        pieces = [clean_text(piece, forbidden=specials) for piece in question.text.split(FRAME_MARK)]
        if len(pieces) == 1:
            pieces = [""] * len(question.pictures) + pieces
        text = (FRAME_MARK + "\n").join(pieces)
        slots = [self.loaded.processor.config.num_tokens_per_frame] * len(question.pictures)
        encoded = self.loaded.processor.encode([Turn(role="user", text=text)], num_slots=slots)
        limit = self.loaded.processor.config.max_context
        if len(encoded.input_ids) + self._decoding.max_new_tokens > limit:
            raise ContextOverflowError(
                f"{len(encoded.input_ids)} tokens of pictures and question do not fit into {limit} "
                f"with an answer of {self._decoding.max_new_tokens}",
                hint="ask about fewer pictures",
            )
        return encoded

    def _media(self, question: PictureQuestion) -> list[Media]:
        processor = self.loaded.processor
        guidance = processor.guidance_ids(" ".join(question.text.replace(FRAME_MARK, " ").split()) or "?")
        pixels = [
            processor.preprocess([open_picture(picture)], pad=processor.config.pad_pictures)
            for picture in question.pictures
        ]
        return [Media(guidance_ids=guidance, pixels=one) for one in pixels]


def open_picture(picture: Path | Image.Image) -> Image.Image:
    """Return a picture in RGB.

    Raises:
        ConfigError: The file is missing, no picture, broken, or larger than `MOST_PIXELS`.
    """
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    try:
        with Image.open(picture) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ConfigError(f"{picture} has {image.width}x{image.height} pixels", hint="make it smaller")
            return image.convert("RGB")
    except FileNotFoundError:
        raise ConfigError(f"{picture} is missing") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        reason = "it is no picture" if isinstance(error, UnidentifiedImageError) else str(error).splitlines()[0]
        raise ConfigError(f"{picture} cannot be read: {reason}") from None
