"""movieqa as a model of lmms-eval: `python -m lmms_eval --model movieqa --model_args model=FOLDER --tasks ...`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms

from movieqa import api
from movieqa.answer import Answer
from movieqa.answerers import AnswererConfig, check_model_packages
from movieqa.errors import ConfigError, MovieQAError
from movieqa.pictures import PictureQuestion
from movieqa.plugins.chat import FilmQuestion, cut_at, read_messages

logger = logging.getLogger(__name__)

DEFAULT_TOKENS = 128


class MovieQA(lmms):  # type: ignore[misc]
    """Answers lmms-eval's chat requests: every film is preprocessed once and answers all its questions.

    Args:
        model: A model's folder or hub name; without one, films answer with their own lines, and pictures cannot.
        pretrained: The same, as other models of lmms-eval call it.
        workspaces: Folder for what is made of the films.
        guidance: `question`, or `film` to read every film once for all its questions.
        fps: Frames sampled a second.
        batch_size: Questions answered side by side.
        device: `auto` takes the first GPU, else the processor.

    Raises:
        ConfigError: An argument cannot work, or is unknown.
    """

    is_simple = False

    def __init__(
        self,
        model: str | None = None,
        *,
        pretrained: str | None = None,
        workspaces: str = "movieqa-workspaces",
        guidance: str = "question",
        fps: float = 1.0,
        batch_size: str | int = 1,
        device: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__()
        if unknown:
            raise ConfigError(f"movieqa knows no argument {', '.join(sorted(unknown))}")
        self._model = model or pretrained
        self._workspaces = Path(workspaces)
        self._guidance: Any = guidance
        self._fps = float(fps)
        self._batch_size = int(batch_size)
        self._device = device or "auto"
        self._loaded: Any = None
        if self._model is not None:
            check_model_packages()
            from movieqa.loaded import open_model

            self._loaded = open_model(self._model, device=self._device)

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answer requests in order. What cannot be answered is an empty text, and a line in the log says why."""
        asked: dict[int, FilmQuestion | PictureQuestion] = {}
        results: dict[int, GenerationResult] = {}
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, request in enumerate(requests):
            _, to_messages, settings, doc_id, task, split = request.args
            try:
                asked[place] = read_messages(to_messages(self.task_dict[task][split][doc_id]))
            except MovieQAError as error:
                results[place] = _nothing(error)
                continue
            question = asked[place]
            about = (question.film, question.until) if isinstance(question, FilmQuestion) else None
            tokens = int(settings.get("max_new_tokens") or DEFAULT_TOKENS)
            groups.setdefault((about, tokens), []).append(place)
        for (_, tokens), places in groups.items():
            try:
                answered = self._answer([asked[place] for place in places], tokens)
            except MovieQAError as error:
                answered = [_nothing(error)] * len(places)
            results |= dict(zip(places, answered, strict=True))
        return [_cut(results[place], request.args[2].get("until") or ()) for place, request in enumerate(requests)]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Refuse: films are asked for answers.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("movieqa writes answers; choose a task of type generate_until")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Refuse: every question stands by itself.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("movieqa answers one question at a time; choose a task of type generate_until")

    def _answer(self, questions: Sequence[FilmQuestion | PictureQuestion], tokens: int) -> list[GenerationResult]:
        """Answer questions about one film, or questions about pictures."""
        first = questions[0]
        if isinstance(first, FilmQuestion):
            return self._answer_film(first, [question.text for question in questions], tokens)
        if self._loaded is None:
            raise ConfigError("pictures need a model", hint="name one with --model_args model=FOLDER")
        from movieqa.decoding import Decoding
        from movieqa.pictures import PictureAnswerer

        answerer = PictureAnswerer(self._loaded, Decoding(max_new_tokens=tokens), batch_size=self._batch_size)
        asked = [question for question in questions if isinstance(question, PictureQuestion)]
        return [GenerationResult(text=text) for text in answerer.answer_many(asked)]

    def _answer_film(self, question: FilmQuestion, texts: Sequence[str], tokens: int) -> list[GenerationResult]:
        from movieqa.eval.answerers import make_answerer

        workspace = api.preprocess_movie(
            question.film, output=self._place(question.film), fps=self._fps, model=self._model, device=self._device
        )
        config = AnswererConfig(model=self._model, guidance=self._guidance, answer_tokens=tokens)
        answerer = make_answerer(workspace, config, loaded=self._loaded, batch=self._batch_size)
        return [_result(answer) for answer in answerer.answer_many(texts, until=question.until)]

    def _place(self, film: Path) -> Path:
        """Return the workspace of a film; two films of one name in two folders get two."""
        self._workspaces.mkdir(parents=True, exist_ok=True)
        tail = hashlib.sha256(str(film.resolve()).encode()).hexdigest()[:8]
        return self._workspaces / f"{film.stem}-{tail}.movieqa"


def _result(answer: Answer) -> GenerationResult:
    usage = answer.usage
    counts = None if usage is None else TokenCounts(input_tokens=usage.prompt_tokens, output_tokens=usage.answer_tokens)
    return GenerationResult(text=answer.text, token_counts=counts)


def _nothing(error: MovieQAError) -> GenerationResult:
    logger.error("movieqa has no answer: %s", error)
    return GenerationResult(text="")


def _cut(result: GenerationResult, stops: str | Sequence[str]) -> GenerationResult:
    text = cut_at(result.text, [stops] if isinstance(stops, str) else stops)
    return GenerationResult(text=text, token_counts=result.token_counts)
