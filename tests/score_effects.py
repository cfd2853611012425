"""What the errors of the original scripts cost on the golden replies: their numbers beside ours.

Run `python -m tests.score_effects` for the table in docs/evaluation.md. The replies are invented to meet the errors, so
the differences say which way a score moves, not how far it does on a real run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.eval.prediction import Prediction
from movieqa.eval.scorers.registry import make_scorer
from movieqa.eval.scorers.vtimellm_log import read_vtimellm_log
from tests.scored import GOLDEN, answered, box, choice, golden, moments, rows

IMAGES = ("Image 1", "Image 2", "Image 3", "Image 4")


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One metric over one golden file."""

    golden: str
    scorer: str
    metric: str
    theirs: float
    ours: float

    def __str__(self) -> str:
        return f"| `{self.golden}` | {self.scorer}, {self.metric} | {self.theirs:.2f} | {self.ours:.2f} |"


def effects_without_java() -> list[Effect]:
    """Return all effects but those on dense captions."""
    seconds = rows("harness/grounding_seconds.jsonl")
    hundredths = rows("vtimellm/grounding_cases.jsonl")
    scoring = golden("ida-vlm/scoring.json")
    letters = [row for row in rows("harness/mcq_extract.jsonl") if row["choices"] == "ABCD"][:38]
    return [
        *_effects("harness/mcq_extract", "choice", ["accuracy"], [_letter(row, "B") for row in letters]),
        *_effects(
            "harness/longvideobench_parse",
            "longvideobench",
            ["accuracy"],
            [_letter(row, "C") for row in rows("harness/longvideobench_parse.jsonl")],
        ),
        *_effects(
            "harness/cinepile", "cinepile", ["accuracy"], [_cinepile(row) for row in rows("harness/cinepile.jsonl")]
        ),
        *(
            effect
            for benchmark in ("charades-sta", "timelens")
            for effect in _effects(
                f"harness/grounding_seconds, {benchmark}",
                "grounding",
                ["R1@0.5", "mIoU"],
                [
                    answered(moments(str(number), tuple(row["truth"]), benchmark=benchmark), row["reply"])
                    for number, row in enumerate(seconds)
                ],
            )
        ),
        *_effects(
            "vtimellm/grounding_cases",
            "grounding",
            ["R1@0.5", "mIoU"],
            [
                answered(
                    moments(str(number), tuple(row["timestamps"]), duration=row["duration"], in_hundredths=True),
                    row["answer"],
                )
                for number, row in enumerate(hundredths)
            ],
        ),
        *_effects("ida-vlm/scoring", "matching", ["accuracy"], [_matching(row) for row in scoring["matching"]]),
        *_effects("ida-vlm/scoring", "box", ["accuracy", "mean_iou"], [_box(row) for row in scoring["location"]]),
    ]


def effects_with_java() -> list[Effect]:
    """Return the effects on dense captions."""
    folder = GOLDEN / "vtimellm"
    log = read_vtimellm_log(folder / "captioning_log.txt", folder / "captioning_data.json").captioning
    return [
        *_effects("vtimellm/captioning_log", "soda", ["soda_c"], log),
        *_effects("vtimellm/captioning_log", "captioning", ["METEOR", "CIDEr"], log),
    ]


def _effects(name: str, scorer: str, metrics: Sequence[str], predictions: Sequence[Prediction]) -> list[Effect]:
    theirs = make_scorer(scorer, is_reference_compatible=True).score(predictions)
    ours = make_scorer(scorer).score(predictions)
    return [
        Effect(golden=name, scorer=scorer, metric=metric, theirs=theirs.values[metric], ours=ours.values[metric])
        for metric in metrics
    ]


def _letter(row: dict[str, str], answer: str) -> Prediction:
    return answered(choice(row["reply"] or "empty", answer=answer, options=(*"vwxyz",)), row["reply"])


def _cinepile(row: dict[str, object]) -> Prediction:
    place = int(str(row["answer_key_position"]))
    texts = ["He forgot the key", "She sold the house", "They missed the train", "Nobody came", "It was a dream"]
    return answered(choice(json.dumps(row), options=tuple(texts), answer="ABCDE"[place]), str(row["reply"]))


def _matching(row: dict[str, str]) -> Prediction:
    sample = choice(row["prediction"], options=IMAGES, answer="ABCD"[int(row["answer"][-1]) - 1])
    return answered(sample, row["prediction"])


def _box(row: dict[str, str]) -> Prediction:
    width, height = (int(side) for side in row["image_size"])
    left, top, right, bottom = json.loads(row["answer"])
    sides = (left / width, top / height, right / width, bottom / height)
    return answered(box(json.dumps(row), sides, width=width, height=height), row["prediction"])


if __name__ == "__main__":
    print("| golden replies | scorer, metric | original | ours |\n|---|---|---:|---:|")
    for found in (*effects_without_java(), *effects_with_java()):
        print(found)
