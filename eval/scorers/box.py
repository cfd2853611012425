"""Where in the picture somebody is: overlap of the box in a reply with the right one (IDA-VLM's MM-ID location)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from movieqa.eval.prediction import Prediction
from movieqa.eval.score import Scores

from .letters import shorten
from .overlap import Box, box_iou
from .tally import Mark, make_scores, mean, need_number, reply_of, with_reference

THOUSANDTHS = 1000.0
HIT = 0.5

_FURTHEST = 10**6
"""Where a box can lie at all, in thousandths."""

_NUMBER = r"\s*(\d{1,6}(?:\.\d{1,9})?)\s*"
_FOUR = re.compile(
    r"[(\[]" + _NUMBER + "," + _NUMBER + r"(?:[)\]]\s*,?\s*[(\[]|,)" + _NUMBER + "," + _NUMBER + r"[)\]]"
)


class BoxOverlap:
    """Mean IoU and the share of boxes with an IoU above one half, as parts of one; of a sample its `iou` and `hit`.

    Boxes in replies are in thousandths of the picture, `<box>(x0,y0),(x1,y1)</box>` or four numbers in brackets, or in
    parts of one where all four numbers are at most 1. A reply without a box counts as 0.

    Args:
        is_reference_compatible: Read and cut to whole pixels as IDA-VLM's script does. Its samples need the facts
            `width` and `height`. Where its branch for open models would stop, the rule of its other branches holds: 0;
            the values without those samples stand beside.
    """

    name = "box"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score boxes.

        Raises:
            ConfigError: No sample has a right box, or one lacks the size of its picture.
        """
        known = with_reference(
            predictions, lambda sample: sample.box is not None, scorer=self.name, what="the right box"
        )
        marks = [self._mark(prediction) for prediction in known]
        values = {
            "mean_iou": mean(mark.values["iou"] for mark in marks),
            "accuracy": mean(mark.values["hit"] for mark in marks),
        }
        notes = []
        if self._is_reference:
            read = [mark for mark in marks if mark.parsed is not None]
            values["mean_iou where read"] = mean(mark.values["iou"] for mark in read)
            values["accuracy where read"] = mean(mark.values["hit"] for mark in read)
            unread = len(marks) - len(read)
            notes = [f"IDA-VLM's script would stop at {unread} replies; they count as 0"] if unread else []
        return make_scores(self.name, predictions, marks, values, notes=notes)

    def _mark(self, prediction: Prediction) -> Mark:
        sample, reply = prediction.sample, reply_of(prediction)
        right = sample.box or (0.0, 0.0, 0.0, 0.0)
        if self._is_reference:
            width, height = (need_number(sample, name, scorer=self.name) for name in ("width", "height"))
            found = _read_reference(reply, width, height)
            right = (right[0] * width, right[1] * height, right[2] * width, right[3] * height)
        else:
            found = read_box(reply)
        iou = box_iou(found, right) if found else 0.0
        parsed = " ".join(f"{value:g}" for value in found) if found else None
        return Mark(prediction=prediction, values={"iou": iou, "hit": float(iou > HIT)}, parsed=parsed)


def read_box(reply: str) -> Box | None:
    """Return the first box in a reply, in parts of the picture, with its corners in order.

    Example:
        >>> read_box("<ref>Sandbox Sam</ref><box>(500,900),(100,100)</box>")
        (0.1, 0.1, 0.5, 0.9)
    """
    found = _FOUR.search(shorten(reply))
    if not found:
        return None
    numbers = [float(number) for number in found.groups()]
    scale = 1.0 if max(numbers) <= 1 else THOUSANDTHS
    x0, y0, x1, y1 = (min(number / scale, 1.0) for number in numbers)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _read_reference(reply: str, width: float, height: float) -> Box | None:
    """Read what stands between the first two occurrences of the letters `box`, in whole pixels."""
    parts = reply.split("box")
    if len(parts) < 2:
        return None
    try:
        numbers = [int(number) for corner in parts[1][2:-3].split("),(") for number in corner.split(",")]
    except ValueError:
        return None
    if len(numbers) != 4 or max(map(abs, numbers)) > _FURTHEST:
        return None
    x0, y0, x1, y1 = numbers
    left, right = (int(x / THOUSANDTHS * width) for x in (x0, x1))
    top, bottom = (int(y / THOUSANDTHS * height) for y in (y0, y1))
    return left, top, right, bottom
