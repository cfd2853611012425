"""Who is who, asked face by face: the metrics of the identity memory over replies that name people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from movieqa.eval.identity import NOBODY, bcubed, idf1, named_score, weighted_purity
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Sample
from movieqa.eval.score import Scores

from .exact import has_answer, right_answers
from .letters import shorten
from .tally import Mark, make_scores, reply_of, with_reference
from .wording import content_words

_NOBODY_WORDS = frozenset({"", "nobody", "no one", "none", "unknown", "i don't know", "somebody", "someone"})


class Identity:
    """IDF1, BCubed, purity, and how right names are, as parts of one; of a sample, whether the name is `correct`.

    Each sample is one face, whose right answer is the person's name; people of different films are different. A reply
    is the name of the one character that the answer names, or else its words: `person 3` will do for all but names.

    Args:
        is_reference_compatible: Changes nothing here: there is no original script.
    """

    name = "identity"

    def __init__(self, *, is_reference_compatible: bool = False) -> None:
        self._is_reference = is_reference_compatible

    def score(self, predictions: Sequence[Prediction]) -> Scores:
        """Score faces.

        Raises:
            ConfigError: No sample says who it is.
        """
        known = with_reference(predictions, has_answer, scorer=self.name, what="the name of the person")
        said = [_said(prediction) for prediction in known]
        marks = [
            Mark(prediction=one, values={"correct": float(name in _names(one.sample))}, parsed=name)
            for one, name in zip(known, said, strict=True)
        ]
        if not marks:
            return make_scores(self.name, predictions, marks, {})
        right = [(one.sample.film, _names(one.sample)[0]) for one in known]
        named = [
            (one.sample.film, _names(one.sample)[0] if name in _names(one.sample) else name) if name else None
            for one, name in zip(known, said, strict=True)
        ]
        numbers = {label: number for number, label in enumerate(sorted({*right, *filter(None, named)}))}
        truth = np.array([numbers[label] for label in right])
        groups = _numbered(named, numbers)
        names, groups_of = named_score(truth, groups, np.unique(truth)), bcubed(truth, groups)
        values = {
            "idf1": idf1(truth, groups),
            "bcubed_precision": groups_of.precision,
            "bcubed_recall": groups_of.recall,
            "bcubed_f1": groups_of.f_score,
            "purity": weighted_purity(truth, groups),
            "named_precision": names.precision,
            "named_recall": names.recall,
        }
        return make_scores(self.name, predictions, marks, values)


def _numbered(labels: Sequence[tuple[str, str] | None], numbers: dict[tuple[str, str], int]) -> NDArray[np.int64]:
    return np.array([NOBODY if label is None else numbers[label] for label in labels], dtype=np.int64)


def _names(sample: Sample) -> list[str]:
    return [" ".join(content_words(name)) for name in right_answers(sample)]


def _said(prediction: Prediction) -> str | None:
    """Return the name in a reply, None where it names nobody."""
    if prediction.status != "answered":
        return None
    text = prediction.names[0] if len(prediction.names) == 1 else shorten(reply_of(prediction))
    name = " ".join(content_words(text))
    return None if name in _NOBODY_WORDS else name
