"""The reader of our own format: film world's questions, and those a user writes."""

from __future__ import annotations

import json
from pathlib import Path

from movieqa.eval.benchmarks import read_samples
from movieqa.eval.sample import Moment, Reference, Sample
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import questions_jsonl
from tests.benchmark_files import write_lines, write_text


def test_film_world_questions_are_read_as_they_are_written(tmp_path: Path) -> None:
    film = make_film(seed=3, minutes=2)
    folder = tmp_path / "films" / "00000003"
    path = write_text(folder / "qa.jsonl", questions_jsonl(film))
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    samples = read_samples(path)
    assert [sample.id for sample in samples] == [line["id"] for line in lines]
    for sample, line in zip(samples, lines, strict=True):
        assert (sample.film, sample.question, sample.answer) == (line["film"], line["question"], line["answer"])
        assert sample.options == tuple(line.get("options", ())) and sample.answer_text in (
            line["short_answer"],
            line["answer"],
        )
        assert [[span.start, span.end] for span in sample.spans] == line["spans"]
        assert sample.until == line.get("until") and sample.time == line.get("time")
        assert set(sample.tags) == {*line["tags"], *(f"needs:{need}" for need in line["needs"])}
        assert sample.facts["long_answer"] == line["long_answer"]
        left, top, right, bottom = (round(side * 1000) for side in sample.box or (0, 0, 0, 0))
        assert (sample.task == "box") == (line["answer"] == f"<box>({left},{top}),({right},{bottom})</box>")
    assert {sample.task for sample in samples} == {"choice", "open", "box"}


def test_film_world_samples_find_their_film_and_portraits(tmp_path: Path) -> None:
    line = {
        "id": "q1",
        "film": "film-world-all-7",
        "question": "Who is this?",
        "references": [{"name": "Mara", "image": "cast/Mara/1.jpg"}],
    }
    write_lines(tmp_path / "00000007" / "qa.jsonl", line)
    write_text(tmp_path / "00000007" / "film.mp4", "")
    (sample,) = read_samples(tmp_path)
    assert sample.film == "00000007/film.mp4"
    assert sample.references == (Reference(name="Mara", image="00000007/cast/Mara/1.jpg"),)
    (alone,) = read_samples(tmp_path / "00000007" / "qa.jsonl")
    assert (alone.film, alone.references[0].image) == ("film.mp4", "cast/Mara/1.jpg")


def test_a_right_answer_may_be_the_text_of_an_option(tmp_path: Path) -> None:
    row = {"id": "1", "film": "f", "question": "?", "options": ["B", "a kite"], "answer": "a kite"}
    (by_text,) = read_samples(write_lines(tmp_path / "a.jsonl", row))
    (by_letter,) = read_samples(write_lines(tmp_path / "b.jsonl", {**row, "answer": "B"}))
    assert by_text.answer == by_letter.answer == "B"


def test_the_examples_of_the_docs_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "evaluation-data.md").read_text(encoding="utf-8")
    block = text.split("```json\n")[1].split("```")[0]
    choice, moments = read_samples(write_text(tmp_path / "own.jsonl", block))
    assert (choice.answer_text, moments.spans) == ("book", (Moment(start=4.5, end=7.9),))
    for field in Sample.__dataclass_fields__:
        assert field == "benchmark" or f"| `{field}` |" in text
