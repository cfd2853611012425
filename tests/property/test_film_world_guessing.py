"""Guessing without the film stays near chance, and the guessers can learn where there is something to learn."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("skia")

from movieqa.train.film_world.guessers import score_guessers
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import ask
from movieqa.train.film_world.questions.sample import LETTERS, Sample
from movieqa.train.film_world.records import Film


@pytest.fixture(scope="module")
def questions() -> tuple[list[Sample], list[tuple[Film, list[Sample]]]]:
    training = [sample for seed in range(12) for sample in ask(make_film(seed=seed, minutes=6, split="train"))]
    films = [make_film(seed=900 + seed, minutes=6, split="test") for seed in range(8)]
    return training, [(film, ask(film)) for film in films]


def test_guessing_fails(questions: tuple[list[Sample], list[tuple[Film, list[Sample]]]]) -> None:
    options_only, question_only, subtitles_only = score_guessers(*questions)
    assert options_only.num_questions > 400
    assert options_only.overall <= 0.27 and question_only.overall <= 0.27
    assert subtitles_only.overall <= 0.5


def test_the_guessers_would_notice(questions: tuple[list[Sample], list[tuple[Film, list[Sample]]]]) -> None:
    """With the right option always the longest, the guessers are nearly always right."""

    def leaking(sample: Sample) -> Sample:
        if not sample.options:
            return sample
        right = f"{sample.short_answer} and nothing but this in all the film"
        options = list(sample.options)
        options[LETTERS.index(sample.answer)] = right
        return replace(sample, options=tuple(options), short_answer=right)

    training, films = questions
    leaked = [leaking(sample) for sample in training], [(film, list(map(leaking, asked))) for film, asked in films]
    assert all(score.overall > 0.9 for score in score_guessers(*leaked)[:2])
