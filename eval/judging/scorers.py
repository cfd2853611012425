"""Scores that need a judge: open answers, Video-ChatGPT's five dimensions, MLVU's open tasks, MM-ID's texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from movieqa.errors import EvaluationError
from movieqa.eval.prediction import Prediction
from movieqa.eval.score import SampleScore, Scores

from . import rubrics
from .panel import Judgement, Panel
from .published import read_grade, read_leading_score, read_yes_no
from .rubric import JudgeQuestion, Part, Rubric

DIMENSIONS: Mapping[str, Rubric] = {
    rubric.name: rubric
    for rubric in (rubrics.CORRECTNESS, rubrics.DETAIL, rubrics.CONTEXT, rubrics.TEMPORAL, rubrics.CONSISTENCY)
}
"""Video-ChatGPT's five."""


@dataclass(frozen=True, kw_only=True)
class _Graded:
    """A prediction with what the judge made of it; no judgement where there was nothing to judge."""

    prediction: Prediction
    judgement: Judgement | None


class JudgedAnswers:
    """Right or wrong, and 0 to 5, by meaning: MSVD-QA, MSRVTT-QA, ActivityNet-QA, MovieChat-1K.

    What is not answered counts as wrong, with 0. What could not be judged is left out, counted, and bounds the
    accuracy from both sides.

    Args:
        panel: The judge.
        is_reference_compatible: Read replies and average as the published scripts do: scores cut to whole numbers,
            `yes` sought before `no` anywhere in the word.
    """

    name = "judge_qa"

    def __init__(self, panel: Panel, *, is_reference_compatible: bool = False) -> None:
        self._panel, self._is_reference = panel, is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score open answers.

        Raises:
            EvaluationError: A sample has no reference answer.
            JudgeError: The judge cannot be used at all.
        """
        graded = _grade(predictions, self._panel, lambda item: _question(rubrics.SAME_MEANING, item))
        read = _published_answer if self._is_reference else _answer
        samples = tuple(_sample(item, {"correct": 0.0, "score": 0.0}, read) for item in graded)
        values = _means(samples, {"correct": "accuracy", "score": "score"})
        values |= _bounds(samples)
        return Scores(
            scorer=self.name, values=values, samples=samples, counts=_counts(graded, samples), notes=self._panel.notes
        )


class VideoChatGPT:
    """Video-ChatGPT's five scores, 0 to 5 each: correctness, detail, context, temporal order, consistency.

    A sample's fact `dimensions` names what it is graded for, with commas between. The two wordings of a consistency
    question are two samples with equal fact `pair`.

    Args:
        panel: The judge.
        is_reference_compatible: Cut scores to whole numbers, and show the judge of consistency the first question
            twice, as the published scripts do.
    """

    name = "video_chatgpt"

    def __init__(self, panel: Panel, *, is_reference_compatible: bool = False) -> None:
        self._panel, self._is_reference = panel, is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score answers by dimension.

        Raises:
            EvaluationError: A sample names no dimension, lacks a reference, or its other wording is missing.
            JudgeError: The judge cannot be used at all.
        """
        values: dict[str, float] = {}
        counts: dict[str, int] = {}
        by_sample: dict[str, dict[str, float]] = {prediction.sample.id: {} for prediction in predictions}
        for name, rubric in DIMENSIONS.items():
            chosen = [prediction for prediction in predictions if name in _dimensions(prediction)]
            if not chosen:
                continue
            graded = self._consistency(chosen) if name == "consistency" else self._single(chosen, rubric)
            read = _published_grade if self._is_reference else _grade_of
            samples = [_sample(item, {"score": 0.0}, read) for item in graded]
            values |= _means(samples, {"score": name})
            for key, count in _counts(graded, samples).items():
                counts[key] = counts.get(key, 0) + count
            for sample in samples:
                if "score" in sample.values:
                    by_sample[sample.id][name] = sample.values["score"]
        if not values and not counts:
            raise EvaluationError("no sample names one of Video-ChatGPT's dimensions", hint=", ".join(DIMENSIONS))
        rows = tuple(SampleScore(id=key, values=found) for key, found in by_sample.items())
        return Scores(scorer=self.name, values=values, samples=rows, counts=counts, notes=self._panel.notes)

    def _single(self, predictions: Sequence[Prediction], rubric: Rubric) -> list[_Graded]:
        return _grade(predictions, self._panel, lambda item: _question(rubric, item))

    def _consistency(self, predictions: Sequence[Prediction]) -> list[_Graded]:
        """Grade pairs; the verdict belongs to the first wording's sample."""
        pairs: dict[str, list[Prediction]] = {}
        for prediction in predictions:
            pairs.setdefault(str(prediction.sample.facts.get("pair")), []).append(prediction)
        broken = next((key for key, pair in pairs.items() if len(pair) != 2), None)
        if broken is not None:
            raise EvaluationError(f"the consistency question {broken} has not two wordings", hint="give both")
        second = {pair[0].sample.id: pair[1] for pair in pairs.values()}

        def ask(first: Prediction) -> JudgeQuestion | None:
            other = second[first.sample.id]
            if not _is_answered(other):
                return None
            shown = first.sample.question if self._is_reference else other.sample.question
            parts = (
                Part(label="First question", text=first.sample.question),
                Part(label="Second question", text=shown),
                Part(label="Reference answer", text=_reference(first)),
                Part(label="Answer to the first question", text=first.text),
                Part(label="Answer to the second question", text=other.text),
            )
            return JudgeQuestion(rubric=rubrics.CONSISTENCY, parts=parts)

        return _grade([pair[0] for pair in pairs.values()], self._panel, ask)


class MLVUGeneration:
    """MLVU's open tasks: a summary's completeness and reliability, a scene's accuracy and relevance, 2 to 10 summed.

    The fact `scoring_points` of a sample makes it a scene. `g_avg` is the mean of the tasks' means.

    Args:
        panel: The judge.
        is_reference_compatible: Makes no difference: the published arithmetic is this.
    """

    name = "mlvu_judge"

    def __init__(self, panel: Panel, *, is_reference_compatible: bool = False) -> None:
        self._panel = panel

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score summaries and scenes.

        Raises:
            EvaluationError: A sample has no reference.
            JudgeError: The judge cannot be used at all.
        """
        graded = _grade(predictions, self._panel, self._ask)
        samples = tuple(_sample(item, {"score": 2.0}, _sum_of) for item in graded)
        values: dict[str, float] = {}
        for task in ("sub_scene", "summary"):
            pairs = zip(graded, samples, strict=True)
            chosen = [
                sample
                for item, sample in pairs
                if ("scoring_points" in item.prediction.sample.facts) == (task == "sub_scene")
            ]
            values |= _means(chosen, {"score": task})
        if values:
            values["g_avg"] = fmean(values.values())
        return Scores(
            scorer=self.name, values=values, samples=samples, counts=_counts(graded, samples), notes=self._panel.notes
        )

    @staticmethod
    def _ask(prediction: Prediction) -> JudgeQuestion:
        points = prediction.sample.facts.get("scoring_points")
        if points is None:
            return _question(rubrics.SUMMARY, prediction)
        question = _question(rubrics.SUB_SCENE, prediction)
        return JudgeQuestion(rubric=question.rubric, parts=(*question.parts, Part(label="Points", text=str(points))))


class MultimodalIdentity:
    """MM-ID's question answering and captions, 1 to 10.

    Args:
        panel: The judge.
        is_reference_compatible: Read the first number of the reply's first line, as the published script does.
    """

    name = "mmid_judge"

    def __init__(self, panel: Panel, *, is_reference_compatible: bool = False) -> None:
        self._panel, self._is_reference = panel, is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score texts about known persons.

        Raises:
            EvaluationError: A sample has no reference.
            JudgeError: The judge cannot be used at all.
        """
        graded = _grade(predictions, self._panel, lambda item: _question(rubrics.WHO_DOES_WHAT, item))
        read = _published_leading if self._is_reference else _grade_of
        samples = tuple(_sample(item, {"score": 1.0}, read) for item in graded)
        return Scores(
            scorer=self.name,
            values=_means(samples, {"score": "score"}),
            samples=samples,
            counts=_counts(graded, samples),
            notes=self._panel.notes,
        )


def _grade(
    predictions: Sequence[Prediction], panel: Panel, ask: Callable[[Prediction], JudgeQuestion | None]
) -> list[_Graded]:
    """Judge what is answered; `ask` may return None for what has nothing to judge."""
    questions = [ask(prediction) if _is_answered(prediction) else None for prediction in predictions]
    judgements = iter(panel.judge([question for question in questions if question is not None]))
    return [
        _Graded(prediction=prediction, judgement=None if question is None else next(judgements))
        for prediction, question in zip(predictions, questions, strict=True)
    ]


def _question(rubric: Rubric, prediction: Prediction) -> JudgeQuestion:
    parts = (
        Part(label="Question", text=prediction.sample.question),
        Part(label="Reference answer", text=_reference(prediction)),
        Part(label="Predicted answer", text=prediction.text),
    )
    return JudgeQuestion(rubric=rubric, parts=parts)


def _reference(prediction: Prediction) -> str:
    text = prediction.sample.answer_text
    if text is None:
        raise EvaluationError(f"sample {prediction.sample.id} has no reference answer", hint="a judge needs one")
    return text


def _is_answered(prediction: Prediction) -> bool:
    return prediction.status == "answered" and bool(prediction.text.strip())


def _dimensions(prediction: Prediction) -> frozenset[str]:
    return frozenset(str(prediction.sample.facts.get("dimensions", "")).split(","))


def _sample(
    item: _Graded, lowest: Mapping[str, float], read: Callable[[Judgement], Mapping[str, float] | None]
) -> SampleScore:
    """Return the values of one sample: the lowest where it is not answered, none where it is unjudged."""
    found = lowest if item.judgement is None else read(item.judgement)
    parsed = None if item.judgement is None else item.judgement.reply
    return SampleScore(id=item.prediction.sample.id, values=found or {}, parsed=parsed)


def _answer(judgement: Judgement) -> Mapping[str, float] | None:
    if not judgement.is_judged:
        return None
    return {"correct": float(judgement.values["pred"] == "yes"), "score": float(judgement.values["score"])}


def _grade_of(judgement: Judgement) -> Mapping[str, float] | None:
    return {"score": float(judgement.values["score"])} if judgement.is_judged else None


def _sum_of(judgement: Judgement) -> Mapping[str, float] | None:
    return {"score": sum(float(value) for value in judgement.values.values())} if judgement.is_judged else None


def _published_answer(judgement: Judgement) -> Mapping[str, float] | None:
    if judgement.reply is None:
        return None
    is_right, grade = read_yes_no(judgement.reply), read_grade(judgement.reply)
    return None if is_right is None or grade is None else {"correct": float(is_right), "score": float(grade)}


def _published_grade(judgement: Judgement) -> Mapping[str, float] | None:
    grade = None if judgement.reply is None else read_grade(judgement.reply)
    return None if grade is None else {"score": float(grade)}


def _published_leading(judgement: Judgement) -> Mapping[str, float] | None:
    grade = None if judgement.reply is None else read_leading_score(judgement.reply)
    return None if grade is None else {"score": float(grade)}


def _means(samples: Sequence[SampleScore], names: Mapping[str, str]) -> dict[str, float]:
    """Return the mean of each value over the samples that have it, under the metric's name."""
    found = {
        metric: [sample.values[key] for sample in samples if key in sample.values] for key, metric in names.items()
    }
    return {metric: fmean(values) for metric, values in found.items() if values}


def _bounds(samples: Sequence[SampleScore]) -> dict[str, float]:
    """Return what the accuracy would be if all that is unjudged were wrong, and if it were right."""
    unjudged = sum(not sample.values for sample in samples)
    if not unjudged:
        return {}
    right = sum(sample.values.get("correct", 0.0) for sample in samples)
    return {"accuracy_lowest": right / len(samples), "accuracy_highest": (right + unjudged) / len(samples)}


def _counts(graded: Sequence[_Graded], samples: Sequence[SampleScore]) -> dict[str, int]:
    unanswered = sum(item.judgement is None for item in graded)
    unjudged = sum(not sample.values for sample in samples)
    return {"scored": len(samples) - unjudged, "unanswered": unanswered, "unjudged": unjudged}
