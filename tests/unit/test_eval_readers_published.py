"""What is peculiar to one benchmark's files: variants, kept-back answers, files that belong together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.benchmarks import read_samples
from movieqa.eval.prediction import Prediction
from movieqa.eval.readers.moviellm import read_moviellm_answers
from movieqa.eval.sample import Moment
from tests.benchmark_files import OPTIONS, WRITERS, write_json, write_table
from tests.benchmark_samples import BOAT


def test_only_the_right_answers_of_moviellm_are_samples(tmp_path: Path) -> None:
    whole = read_samples(WRITERS["moviellm"](tmp_path))
    folder = read_samples(tmp_path / "res" / "ground_truth")
    one = read_samples(tmp_path / "res" / "ground_truth" / "tt01.json")
    assert whole == folder == one and all((sample.answer or "").startswith("ground_truth") for sample in whole)
    assert [sample.tags for sample in whole] == [
        ("category:overview",),
        ("category:plot",),
        ("category:plot",),
        ("category:temporal",),
    ]


def test_methods_folders_become_predictions(tmp_path: Path) -> None:
    samples = read_samples(WRITERS["moviellm"](tmp_path))
    ours = read_moviellm_answers(tmp_path / "res" / "ours", samples)
    assert ours[1] == Prediction(sample=samples[1], text="ours: Otto.")
    (tmp_path / "res" / "baseline" / "tt01.json").unlink()
    baseline = read_moviellm_answers(tmp_path / "res" / "baseline", samples)
    assert {prediction.status for prediction in baseline} == {"failed"} and len(baseline) == len(samples)
    changed = json.loads((tmp_path / "res" / "ours" / "tt01.json").read_text().replace("Why?", "How?"))
    write_json(tmp_path / "res" / "ours" / "tt01.json", changed)
    with pytest.raises(EvaluationError, match="tt01/plot/1 is another question there"):
        read_moviellm_answers(tmp_path / "res" / "ours", samples)


def test_a_box_without_its_picture_stays_in_pixels(tmp_path: Path) -> None:
    path = WRITERS["mm-id"](tmp_path)
    (tmp_path / "images" / "shot.jpg").unlink()
    location = read_samples(path)[0]
    assert location.box is None and location.facts["box_pixels"] == "[100, 50, 300, 150]"


def test_matching_and_questions_of_mm_id(tmp_path: Path) -> None:
    _, question, matching = read_samples(WRITERS["mm-id"](tmp_path))
    assert [reference.name for reference in question.references] == ["Mara", "Otto"]
    assert question.question == "In the following images <image>\n<image>\n. Who rows?"
    assert question.facts["false_answers"] == "Mara rows. / Nobody rows."
    assert matching.pictures == tuple(f"images/{number}.jpg" for number in range(1, 5))
    assert (matching.answer, matching.answer_text) == ("C", "Image 3")


def test_sub_scenes_of_mlvu_keep_their_points(tmp_path: Path) -> None:
    scene = read_samples(WRITERS["mlvu"](tmp_path))[1]
    assert (scene.task, scene.answer) == ("open", "A kite falls.")
    assert scene.facts["scoring_points"] == '["kite", "falls"]'


def test_mlvu_test_set_is_told_by_its_numbers(tmp_path: Path) -> None:
    row = {
        "question_id": "AR_0",
        "video": "test_1.mp4",
        "question": "?",
        "candidates": [1, 2, 3, 4, 5, 6.5],
        "question_type": "count",
    }
    (kept_back,) = read_samples(write_json(tmp_path / "test_multi_choice_tasks.json", [row]))
    (known,) = read_samples(write_json(tmp_path / "test_mcq_gt.json", [{**row, "answer": 6.5}]))
    assert (kept_back.id, kept_back.film, kept_back.answer) == ("AR_0", "test_1.mp4", None)
    assert (known.answer, known.answer_text) == ("F", "6.5")


def test_harness_tables_are_read_too(tmp_path: Path) -> None:
    question = "Why?\n(A) a kite\n(B) a boat"
    mlvu = write_table(
        tmp_path / "mlvu.parquet",
        {"video_name": "f.mp4", "question": question, "answer": "B", "task_type": "ego"},
    )
    (sample,) = read_samples(mlvu)
    assert (sample.question, sample.options, sample.answer) == ("Why?", ("a kite", "a boat"), "B")
    moviechat = write_table(
        tmp_path / "moviechat.parquet",
        {"video_name": "f.mp4", "question": "Who?", "answer": "Otto", "time": 500},
        {"video_name": "f.mp4", "question": "Where?", "answer": "Here", "time": None},
    )
    moment, whole = read_samples(moviechat)
    assert (moment.facts["kind"], moment.facts["frame"], moment.time) == ("breakpoint", 500.0, None)
    assert whole.facts["kind"] == "global"
    timelens = write_table(
        tmp_path / "timelens.parquet",
        {"video_path": "a/f.mp4", "query": "sits", "span": "[[1.5, 2.0]]"},
        {"video_path": "a/f.mp4", "query": "sings", "span": "[[3, 4]]"},
    )
    assert [sample.spans[0].start for sample in read_samples(timelens)] == [1.5, 3.0]
    egoschema = write_table(
        tmp_path / "egoschema.parquet",
        {"video_idx": "u1", "question": "?", "option": ["A. act 0", "B. act 1"], "answer": "1"},
    )
    (sample,) = read_samples(egoschema)
    assert (sample.options, sample.answer) == (("act 0", "act 1"), "B")
    lvbench = write_table(
        tmp_path / "lvbench.parquet",
        {"video_path": "f.mp4", "question": "?", "options": ["A. a kite", "B. a boat"], "answer": "A"},
    )
    (sample,) = read_samples(lvbench)
    assert (sample.options, sample.answer) == (("a kite", "a boat"), "A")
    validation = write_table(
        tmp_path / "validation.parquet",
        {
            "video_id": "k",
            "id": "k_0",
            "video_path": "k.mp4",
            "question": "?",
            "duration_group": 15,
            **{f"option{index}": text for index, text in enumerate([*OPTIONS, "N/A"])},
            "correct_choice": 3,
        },
    )
    (sample,) = read_samples(validation)
    assert (sample.options, sample.answer) == (BOAT, "D")


def test_pairs_of_files_serve_all_three_short_sets(tmp_path: Path) -> None:
    write_json(tmp_path / "test_q.json", [{"video_name": "clip_1", "question": "who sings?", "question_id": "q"}])
    write_json(tmp_path / "test_a.json", [{"answer": "man", "question_id": "q"}])
    films = {name: read_samples(tmp_path, benchmark=name)[0].film for name in ("msvd-qa", "msrvtt-qa")}
    assert films == {"msvd-qa": "clip_1", "msrvtt-qa": "clip_1"}


def test_spans_are_kept_as_the_data_has_them(tmp_path: Path) -> None:
    record = {"duration": 10.0, "timestamps": [[8, 2], [-5.5, 24.0]], "sentences": ["a", "b"]}
    backward, beyond = read_samples(write_json(tmp_path / "val_2.json", {"v": record}), tasks=("moments",))
    assert backward.spans == (Moment(start=8.0, end=2.0),) and beyond.spans == (Moment(start=-5.5, end=24.0),)
