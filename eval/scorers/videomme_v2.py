"""Video-MME-v2: four questions about a video are one group, whose score is no mean."""

from __future__ import annotations

import json
from collections.abc import Sequence

from movieqa.errors import ConfigError
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, read_option
from .reference_letters import read_videomme_v2
from .tally import PERCENT, Mark, fact, make_scores, mean, need_fact, percent

SIZE = 4
_STEPS = {
    "[1,2,3,4]": ((1,), (2,), (3,), (4,)),
    "[1,[2,3],4]": ((1,), (2, 3), (4,)),
    "[[1,2],3,4]": ((1, 2), (3,), (4,)),
}
_POINTS = {
    "[1,2,3,4]": (0, 1, 4, 9, 16),
    "[1,[2,3],4]": (0, 1, 4, 7, 12),
    "[[1,2],3,4]": (0, 1, 2, 5, 10),
}


class VideoMMEv2:
    """Group scores and accuracies over all, by `group_type` and by `level`, in percent.

    Facts of a sample: `video_id` (its group; else its film), `question_id` or an id that ends in `-1` to `-4`,
    `group_type` (relevance or logic), `group_structure`, `level`. Of a sample: whether it is `correct`; and with the
    last question of a group, to whose level it belongs, the `group_score` as a part of one.

    A question that is missing from a group counts as wrong.

    Args:
        is_reference_compatible: Read letters as the benchmark's script does.
    """

    name = "videomme_v2"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices in groups.

        Raises:
            ConfigError: No sample says which option is right, or one lacks what makes groups.
        """
        read = _read_reference if self._is_reference else read_option
        groups: dict[str, dict[int, Mark]] = {}
        for mark in mark_choices(predictions, read, scorer=self.name):
            group = groups.setdefault(str(fact(mark.sample, "video_id") or mark.sample.film), {})
            if group.setdefault(number := self._number(mark.sample), mark) is not mark:
                raise ConfigError(f"{mark.sample.id}: its group has two questions {number}", hint="mend the samples")
        scored = {mark.sample.id: mark for group in groups.values() for mark in self._with_group_score(group)}
        marks = [scored[prediction.sample.id] for prediction in predictions if prediction.sample.id in scored]
        values = {"overall_score": percent(marks, "group_score"), "overall_acc": percent(marks, "correct")}
        for label in sorted({label for mark in marks for label in _labels(mark.sample)}):
            chosen = [mark for mark in marks if label in _labels(mark.sample)]
            values[f"{label}_score"] = percent(chosen, "group_score")
            values[f"{label}_acc"] = percent(chosen, "correct")
        broken = sum(len(group) < SIZE for group in groups.values())
        notes = [f"{broken} groups lack questions, which count as wrong"] if broken else []
        return make_scores(self.name, predictions, marks, values, counts={"groups": len(groups)}, notes=notes)

    def _number(self, sample: Sample) -> int:
        text = str(fact(sample, "question_id") or sample.id).rpartition("-")[2]
        if text not in ("1", "2", "3", "4"):
            raise ConfigError(
                f"{sample.id}: cannot tell which question of its group it is", hint="its question_id ends in -1 to -4"
            )
        return int(text)

    def _with_group_score(self, group: dict[int, Mark]) -> list[Mark]:
        """Return the group's marks, the last one with the group's score."""
        *others, last = (group[number] for number in sorted(group))
        right = [bool(group[number].values["correct"]) if number in group else False for number in range(1, SIZE + 1)]
        kind = str(need_fact(last.sample, "group_type", scorer=self.name))
        structure = str(fact(last.sample, "group_structure"))
        try:
            score = group_score(kind, structure, right)
        except ValueError as error:
            raise ConfigError(f"{last.sample.id}: {error}", hint="mend the samples") from error
        worth = {**last.values, "group_score": score / PERCENT}
        return [*others, Mark(prediction=last.prediction, values=worth, parsed=last.parsed)]


def group_score(kind: str, structure: str, right: Sequence[bool]) -> float:
    """Return the score of a group of four, 0 to 100.

    Relevance: the square of the share that is right. Logic: by how many answers are right before the first error, where
    of two parallel steps either may come first.

    Raises:
        ValueError: There is no such kind or structure.

    Example:
        >>> group_score("logic", "[1, [2, 3], 4]", (True, False, True, True))
        33.333333333333336
    """
    if kind == "relevance":
        return mean(right) ** 2 * PERCENT
    key = "".join(structure.split())
    if kind != "logic" or key not in _STEPS:
        raise ValueError(f"no group of kind {kind!r} and structure {json.dumps(structure)} is known")
    reached = 0
    for step in _STEPS[key]:
        passed = sum(right[number - 1] for number in step)
        reached += passed
        if passed < len(step):
            break
    points = _POINTS[key]
    return points[reached] * PERCENT / points[-1]


def _read_reference(sample: Sample, reply: str) -> str:
    return read_videomme_v2(reply, sample.options)


def _labels(sample: Sample) -> list[str]:
    level, kind = fact(sample, "level"), fact(sample, "group_type")
    return ([] if level is None else [f"level_{level}"]) + ([] if kind is None else [str(kind)])
