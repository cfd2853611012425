"""Matching and location in reference mode against IDA-VLM's own lines; golden file from running them."""

from __future__ import annotations

import json

import pytest

from movieqa.eval.scorers.box import BoxOverlap
from movieqa.eval.scorers.matching import Matching
from tests.scored import answered, box, choice, golden

IMAGES = ("Image 1", "Image 2", "Image 3", "Image 4")


def test_every_matching_and_its_accuracy() -> None:
    content = golden("ida-vlm/scoring.json")
    predictions = [
        answered(choice(str(number), options=IMAGES, answer="ABCD"[int(row["answer"][-1]) - 1]), row["prediction"])
        for number, row in enumerate(content["matching"])
    ]
    scores = Matching(is_reference_compatible=True).score(predictions)
    assert [score.parsed or "0" for score in scores.samples] == [row["parsed"] for row in content["matching"]]
    assert [score.values["correct"] for score in scores.samples] == [row["reference"] for row in content["matching"]]
    assert scores.values["accuracy"] == pytest.approx(content["aggregate_over_scorable"]["matching_accuracy"])
    # "Image 2, not Image 1", "Second" are right, "Image 3 shows 1 person" is 3 and wrong, "None of them" is none.
    assert Matching().score(predictions).values["accuracy"] == pytest.approx(0.8)


def test_every_box_and_both_aggregates() -> None:
    content = golden("ida-vlm/scoring.json")
    predictions = []
    for number, row in enumerate(content["location"]):
        width, height = row["image_size"]
        left, top, right, bottom = json.loads(row["answer"])
        sides = (left / width, top / height, right / width, bottom / height)
        predictions.append(answered(box(str(number), sides, width=width, height=height), row["prediction"]))
    scores = BoxOverlap(is_reference_compatible=True).score(predictions)
    for score, row in zip(scores.samples, content["location"], strict=True):
        pixels = None if score.parsed is None else [int(value) for value in score.parsed.split()]
        assert pixels == row["pixel_box"], row["prediction"]
        assert score.values["iou"] == pytest.approx(row["iou"] or 0.0, abs=1e-9)
        assert bool(score.values["hit"]) == bool(row["hit_at_0_5"])
    zeroed, read = content["aggregate_unparsed_as_zero"], content["aggregate_over_scorable"]
    assert scores.values["mean_iou"] == pytest.approx(zeroed["location_mean_iou"], abs=1e-9)
    assert scores.values["accuracy"] == pytest.approx(zeroed["location_acc"], abs=1e-12)
    assert scores.values["mean_iou where read"] == pytest.approx(read["location_mean_iou"], abs=1e-9)
    assert scores.values["accuracy where read"] == pytest.approx(read["location_acc"], abs=1e-12)
    assert scores.counts["unanswered"] == zeroed["n_location"] - read["n_location"] == 2
    ours = BoxOverlap().score(predictions)
    assert ours.counts["unanswered"] == 1  # of "Ann is on the left."
    assert ours.values["accuracy"] == pytest.approx(7 / 11)
