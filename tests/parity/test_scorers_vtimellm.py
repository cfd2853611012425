"""Scorers in reference mode against VTimeLLM's own `metric.py`, value by value; golden files from running it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Moment
from movieqa.eval.scorers import meteor
from movieqa.eval.scorers.captioning import film_ciders
from movieqa.eval.scorers.grounding import Grounding
from movieqa.eval.scorers.java import JavaLines, meteor_program
from movieqa.eval.scorers.reference_captions import read_vtimellm_captions
from movieqa.eval.scorers.registry import make_scorer
from movieqa.eval.scorers.soda import match_in_order, overlaps
from movieqa.eval.scorers.vtimellm_log import read_vtimellm_log, score_vtimellm_log
from tests.score_effects import effects_with_java, effects_without_java
from tests.scored import GOLDEN, answered, captions, golden, moments, not_answered, rows

VTIMELLM = GOLDEN / "vtimellm"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "evaluation.md"
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR and its tokenizer need Java")


class _Kept:
    """METEOR as a test session shares it: five seconds of start are paid once."""

    def __init__(self, program: JavaLines) -> None:
        self._program = program

    def __enter__(self) -> JavaLines:
        return self._program

    def __exit__(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def one_meteor() -> object:
    with meteor_program() as program:
        yield _Kept(program)


@pytest.fixture
def _java(one_meteor: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteor, "meteor_program", lambda: one_meteor)


def test_all_49_overlaps_and_what_is_printed() -> None:
    cases, expected = rows("vtimellm/grounding_cases.jsonl"), golden("vtimellm/grounding_expected.json")
    predictions = [
        answered(moments(str(number), tuple(row["timestamps"]), duration=row["duration"]), row["answer"])
        for number, row in enumerate(cases)
    ]
    scores = Grounding(is_reference_compatible=True).score(predictions)
    for score, row in zip(scores.samples, cases, strict=True):
        assert score.values["iou"] == pytest.approx(row["iou"], abs=1e-12), row["answer"]
        assert (score.parsed is None) == (row["iou_type"] == "int")
    for metric, value in expected["metrics"].items():
        assert scores.values[metric] == pytest.approx(value, abs=1e-9)
        assert f"{scores.values[metric]:.2f}" == expected["printed"][metric]


def test_three_wordings_of_each_query_are_pooled() -> None:
    expected = golden("vtimellm/grounding_expected.json")["three_queries"]
    (scores,) = score_vtimellm_log(VTIMELLM / "grounding_log_three_queries.txt", VTIMELLM / "captioning_data.json")
    assert scores.counts["scored"] == expected["n"]
    for metric, value in expected["metrics"].items():
        assert scores.values[metric] == pytest.approx(value, abs=1e-9)


def test_an_empty_log_has_no_result(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("\n")
    assert golden("vtimellm/grounding_expected.json")["empty_log"] is None
    assert score_vtimellm_log(tmp_path / "log.txt", VTIMELLM / "captioning_data.json") == ()
    assert Grounding(is_reference_compatible=True).score([]).values == {}


def test_where_the_original_divides_by_zero_one_line_says_so() -> None:
    stops = [case for case in golden("vtimellm/grounding_expected.json")["iou_errors"] if case["answer"]]
    assert len(stops) == 2
    for case in stops:
        start, end = case["gt_normalised"]
        prediction = answered(moments("7", (start * 40, end * 40), duration=40, in_hundredths=True), case["answer"])
        with pytest.raises(EvaluationError, match="7: the original script stops here"):
            Grounding(is_reference_compatible=True).score([prediction])
        assert Grounding().score([prediction]).values["mIoU"] == 0


def test_what_is_not_answered_is_nothing() -> None:
    sample = moments("7", (4, 8), duration=40)  # the original raises TypeError for an answer of None
    scores = Grounding(is_reference_compatible=True).score([not_answered(sample)])
    assert scores.values["mIoU"] == 0
    assert scores.counts["failed"] == 1


def test_every_event_that_reaches_the_scorers() -> None:
    data = golden("vtimellm/captioning_data.json")
    for row in rows("vtimellm/captioning_parsed.jsonl"):
        found = read_vtimellm_captions(row["answer"], data[row["video_id"]]["duration"])
        parsed = [{"sentence": moment.caption, "timestamp": [moment.start, moment.end]} for moment in found]
        assert parsed == row["parsed"], row["note"]


def test_every_matrix_of_soda_without_java() -> None:
    untrue = 0
    for row in rows("vtimellm/soda_matrices.jsonl"):
        right, said = (
            [Moment(start=start, end=end) for start, end in row[f"{side}_timestamps"]] for side in ("gold", "pred")
        )
        iou = overlaps(right, said, is_reference_compatible=True)
        np.testing.assert_allclose(iou, np.array(row["iou"]), atol=1e-12)
        worth = iou * np.array(row["meteor"])
        story = match_in_order(worth)
        assert story.worth == pytest.approx(row["best_sum"], abs=1e-12)
        assert (story.precision, story.recall) == pytest.approx((row["precision"], row["recall"]), abs=1e-12)
        assert story.f1 == pytest.approx(row["f1"], abs=1e-12)
        # The original goes back through its table wrongly: twice its path is not the one whose sum it found.
        if sum(worth[pair[0], pair[1]] for pair in row["path"]) == pytest.approx(row["best_sum"], abs=1e-12):
            assert [list(pair) for pair in story.path] == row["path"]
        else:
            untrue += 1
    assert untrue == 2


def test_cider_of_every_video_without_java() -> None:
    for row in rows("vtimellm/dvc_pairs.jsonl"):
        (cider,) = film_ciders([_pairs(row["pairs"])])
        assert cider == pytest.approx(row["CIDEr"], abs=1e-9)


@needs_java
@pytest.mark.usefixtures("_java")
def test_meteor_of_every_video() -> None:
    cases = rows("vtimellm/dvc_pairs.jsonl")
    found = meteor.meteor([_pairs(row["pairs"]) for row in cases])
    assert [scores.total for scores in found] == pytest.approx([row["METEOR"] for row in cases], abs=1e-9)


@needs_java
@pytest.mark.usefixtures("_java")
def test_soda_meteor_cider_and_all_that_is_not_printed() -> None:
    expected = golden("vtimellm/captioning_expected.json")
    log = read_vtimellm_log(VTIMELLM / "captioning_log.txt", VTIMELLM / "captioning_data.json")
    soda = make_scorer("soda", is_reference_compatible=True).score(log.captioning)
    dense = make_scorer("captioning", is_reference_compatible=True).score(log.captioning)
    assert soda.values["soda_c"] == pytest.approx(100 * expected["soda_c_raw"], abs=1e-9)
    for metric, value in expected["dvc_raw"].items():
        assert dense.values[metric] == pytest.approx(100 * value, abs=1e-9), metric
    for metric, text in expected["printed"].items():
        assert f"{(soda if metric == 'soda_c' else dense).values[metric]:.2f}" == text
    assert soda.values["outputs_per_film"] == pytest.approx(expected["mean_outputs_per_video"])
    empty = [score.id for score in soda.samples if score.parsed is None]
    assert empty == expected["videos_without_any_parsed_event"]
    assert soda.counts["unanswered"] == len(empty)
    for row, story, score in zip(rows("vtimellm/captioning_per_video.jsonl"), soda.samples, dense.samples, strict=True):
        assert story.id == score.id == row["video_id"]
        assert 100 * story.values["soda_c"] == pytest.approx(row["soda_c"], abs=1e-9)
        for metric in ("METEOR", "CIDEr"):
            assert 100 * score.values[metric] == pytest.approx(row[metric], abs=1e-9)


@needs_java
@pytest.mark.usefixtures("_java")
def test_a_mixed_log_with_broken_lines_prints_what_the_original_prints() -> None:
    lines = golden("vtimellm/mixed_expected.json")["lines"]
    log, data = VTIMELLM / "mixed_log.txt", VTIMELLM / "captioning_data.json"
    soda, dense, grounding = score_vtimellm_log(log, data)
    values = {**soda.values, **dense.values, **grounding.values}
    printed = dict(line.split(": ") for line in lines if ": " in line)
    assert values["outputs_per_film"] == pytest.approx(float(printed.pop("avg. outputs")))
    assert {metric: f"{values[metric]:.2f}" for metric in printed} == printed
    assert f"Found {soda.counts['scored']} logs" in lines
    assert f"Found {grounding.counts['scored']} logs" in lines
    assert grounding.counts["unread_lines"] == 2
    assert grounding.counts["other_tasks"] == 1
    last = next(one for one in read_vtimellm_log(log, data).captioning if one.sample.id == "v_p007_kite")
    lines_of_it = [line for line in log.read_text().splitlines() if '"v_p007_kite"' in line]
    assert last.text == json.loads(lines_of_it[-1])["answer"] != json.loads(lines_of_it[0])["answer"]


@needs_java
@pytest.mark.usefixtures("_java")
def test_the_table_of_effects_on_dense_captions_is_true() -> None:
    for effect in effects_with_java():
        assert f"{effect}\n" in DOCUMENTATION.read_text(), effect


def test_the_table_of_effects_is_true() -> None:
    for effect in effects_without_java():
        assert f"{effect}\n" in DOCUMENTATION.read_text(), effect


@needs_java
@pytest.mark.usefixtures("_java")
@pytest.mark.parametrize("is_reference", [False, True])
def test_perfect_captions_are_perfect_in_any_order_and_missing_ones_are_nothing(is_reference: bool) -> None:
    texts = ["A red tram passes the old station.", "Two hikers cross the river.", "The baker closes the shop."]
    samples = [
        captions(
            str(film),
            *((20 * number + film, 20 * number + film + 10, text) for number, text in enumerate(texts[: film + 1])),
            duration=100.0,
        )
        for film in range(3)
    ]
    last = 1 if is_reference else 0  # the original's end is one hundredth later than what is written
    perfect = [
        answered(
            sample,
            json.dumps(
                [
                    {"event": span.caption, "timestamps": f"from {span.start:02.0f} to {span.end - last:02.0f}"}
                    for span in sample.spans
                ]
            ),
        )
        for sample in samples
    ]
    soda, dense = (make_scorer(name, is_reference_compatible=is_reference) for name in ("soda", "captioning"))
    assert soda.score(perfect).values["soda_c"] == pytest.approx(100, abs=1e-4)
    values = dense.score(perfect).values
    for metric in ("METEOR", "Rouge-L", "Bleu_4", "Precision", "Recall", "F1"):
        assert values[metric] == pytest.approx(100, abs=1e-4), metric
    mixed = [not_answered(samples[0]), perfect[1], answered(samples[2], "[]")]
    for scorer in (soda, dense):
        scores, again = scorer.score(mixed), scorer.score(mixed[::-1])
        assert again.values == pytest.approx(scores.values)
        assert (scores.counts["failed"], scores.counts["unanswered"]) == (1, 1)
        assert set(scores.samples[0].values.values()) == set(scores.samples[2].values.values()) == {0.0}
        assert all(0 <= value <= 100 for metric, value in scores.values.items() if metric != "CIDEr")


@needs_java
@pytest.mark.usefixtures("_java")
def test_captions_without_words_block_nothing_and_are_worth_nothing() -> None:
    tokens = meteor.tokenize(["", "...", "  ", "Rain | falls ||| (now)\u2028here", "\x00\r\n"])
    assert tokens[""] == tokens["..."] == tokens["  "] == tokens["\x00\r\n"] == ""
    assert tokens["Rain | falls ||| (now)\u2028here"] == "rain | falls | | | now here"
    nothing, something = meteor.meteor(
        [
            [meteor.Pair(hypothesis="", reference="rain falls"), meteor.Pair(hypothesis="", reference="")],
            [
                meteor.Pair(hypothesis="rain falls", reference="rain falls"),
                meteor.Pair(hypothesis="rain | | |", reference="rain"),
            ],
        ]
    )
    assert nothing.segments[0] == 0
    assert something.segments[0] == 1
    assert something.segments[1] > 0


def test_a_video_without_annotation_stops_as_in_the_original() -> None:
    with pytest.raises(EvaluationError, match="not_in_the_annotations is not in"):
        score_vtimellm_log(VTIMELLM / "unknown_video_log.txt", VTIMELLM / "captioning_data.json")


def test_hostile_logs_are_read_to_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    overlaps_of = ('"x"', "NaN", "1e999", "true", "[]", "null")
    broken = [
        f'{{"video_id": "v", "task": "grounding", "answer": "", "info": {{"iou": {iou}}}}}' for iou in overlaps_of
    ]
    fine = '{"video_id": "v", "task": "grounding", "query_id": 0, "answer": "00 to 50", "info": {"iou": 0.5}}'
    log.write_bytes("\n".join([*broken, "[" * 100_000, "3", fine]).encode() + b"\n\xff\xfe\n")
    (scores,) = score_vtimellm_log(log, VTIMELLM / "captioning_data.json")
    assert scores.values["mIoU"] == 50
    with pytest.raises(EvaluationError, match="No such file"):
        read_vtimellm_log(tmp_path / "none.txt", log)


def _pairs(pairs: list[list[str | None]]) -> list[meteor.Pair]:
    return [meteor.Pair(hypothesis=said or "", reference=right or meteor.NOTHING) for said, right in pairs]
