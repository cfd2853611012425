"""MLVU's questions with options, averaged both ways that are in use."""

from __future__ import annotations

from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .choice import mark_choices, percent_by, read_option
from .reference_letters import read_lmms
from .tally import fact, make_scores, mean, need_fact, percent

DEV_TASKS = ("anomaly_reco", "count", "ego", "needle", "order", "plotQA", "topic_reasoning")
TEST_TASKS = (
    *("anomaly_reco", "count", "ego", "needleQA", "order", "plotQA", "sportsQA", "topic_reasoning", "tutorialQA"),
)


class MLVU:
    """Both averages and each task's accuracy, in percent; of a sample, whether it is `correct`.

    `M-Avg macro` is the mean of the tasks' accuracies (lmms-eval), `M-Avg pooled` the accuracy over all questions
    (VLMEvalKit). A sample's fact or tag `task_type` (or `question_type`) names its task.

    Args:
        is_reference_compatible: Read letters as lmms-eval's shared extractor does, A to D even where there are six
            options, and count a task of the split that has no question here as 0 in the macro average.
    """

    name = "mlvu"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score choices.

        Raises:
            ConfigError: No sample says which option is right, or one does not name its task.
        """
        marks = mark_choices(predictions, _read_reference if self._is_reference else read_option, scorer=self.name)
        by_task = percent_by(marks, lambda sample: [self._task(sample)])
        averaged = dict(by_task)
        notes = ["macro is the mean of tasks, pooled the mean of questions; say which one you report"]
        if self._is_reference:
            split = TEST_TASKS if set(by_task) - set(DEV_TASKS) else DEV_TASKS
            averaged = {task: by_task.get(task, 0.0) for task in split}
            absent = len(set(split) - set(by_task))
            notes += [f"{absent} of {len(split)} tasks have no question here and count as 0, as in lmms-eval"] * bool(
                absent
            )
        values = {"M-Avg macro": mean(averaged.values()), "M-Avg pooled": percent(marks, "correct"), **by_task}
        return make_scores(self.name, predictions, marks, values, notes=notes)

    def _task(self, sample: Sample) -> str:
        named = fact(sample, "task_type")
        return str(named if named is not None else need_fact(sample, "question_type", scorer=self.name))


def _read_reference(sample: Sample, reply: str) -> str | None:
    return read_lmms(reply, "ABCD")
