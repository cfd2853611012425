"""Puts samples about pictures, which belong to no film, to a model that answers about pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from movieqa.answer import Answer
from movieqa.errors import EvaluationError
from movieqa.pictures import PictureAnswerer, PictureQuestion
from movieqa.prompt import FRAME_MARK

from .films import check_inside
from .jobs import Question


class PictureDesk:
    """Answers questions about pictures.

    Args:
        answerer: The model.
        folder: Where the samples' pictures are.
    """

    def __init__(self, answerer: PictureAnswerer, folder: Path) -> None:
        self._answerer = answerer
        self._folder = folder

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer questions side by side.

        Named people come first, as IDA-VLM was trained: `NAME is` and the picture.

        Raises:
            EvaluationError: A picture is outside the folder.
            ConfigError: A picture cannot be read, or marks and pictures do not agree.
            ContextOverflowError: Pictures and question do not fit into the model's context.
        """
        started = time.perf_counter()
        texts = self._answerer.answer_many([self._question(question) for question in batch])
        seconds = (time.perf_counter() - started) / len(batch)
        return [
            Answer(question=question.text, text=text, answerer=self._answerer.loaded.name, seconds=seconds)
            for question, text in zip(batch, texts, strict=True)
        ]

    def _question(self, question: Question) -> PictureQuestion:
        sample = question.sample
        people = "".join(f"{reference.name} is {FRAME_MARK}\n" for reference in sample.references)
        marks = "" if FRAME_MARK in question.text else FRAME_MARK * len(sample.pictures)
        names = (*(reference.image for reference in sample.references), *sample.pictures)
        return PictureQuestion(text=people + marks + question.text, pictures=tuple(self._path(name) for name in names))

    def _path(self, name: str) -> Path:
        check_inside(name)
        path = self._folder / name
        if not path.is_file():
            raise EvaluationError(f"no picture {name!r} in {self._folder}", hint="say with --films where they are")
        return path
