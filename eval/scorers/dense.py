"""Dense captions of one film as both caption scorers see them: predicted and right moments with their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.eval.asking import HUNDREDTHS
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment, Sample

from .captions import read_captions
from .meteor import tokenize
from .reference_captions import read_vtimellm_captions
from .tally import fact, need_number, reply_of, with_reference


@dataclass(frozen=True, kw_only=True)
class DenseCaptions:
    """What was predicted for a film and what is right.

    Attributes:
        prediction: Where they come from.
        said: The captioned moments that were predicted, in the order of the reply.
        right: The right ones, in the order of the data.
        said_tokens: Of each caption that was predicted.
        right_tokens: Of each right caption.
    """

    prediction: Prediction
    said: tuple[Moment, ...]
    right: tuple[Moment, ...]
    said_tokens: tuple[str, ...]
    right_tokens: tuple[str, ...]


def collect(predictions: Sequence[Prediction], *, is_reference_compatible: bool, scorer: str) -> list[DenseCaptions]:
    """Read all replies and tokenize all captions, in one start of Java.

    Raises:
        ConfigError: No sample has captioned moments, or one does not say how long its film is where that is needed.
        MissingDependencyError: Java or pycocoevalcap is not installed.
    """
    known = with_reference(predictions, _has_captions, scorer=scorer, what="the right moments with captions")
    said = [_read(prediction, is_reference_compatible, scorer) for prediction in known]
    texts = [moment.caption or "" for found in said for moment in found]
    texts += [span.caption or "" for prediction in known for span in prediction.sample.spans]
    tokens = tokenize(texts, is_reference_compatible=is_reference_compatible)
    return [
        DenseCaptions(
            prediction=prediction,
            said=found,
            right=prediction.sample.spans,
            said_tokens=tuple(tokens[moment.caption or ""] for moment in found),
            right_tokens=tuple(tokens[span.caption or ""] for span in prediction.sample.spans),
        )
        for prediction, found in zip(known, said, strict=True)
    ]


def _has_captions(sample: Sample) -> bool:
    return bool(sample.spans) and all(span.caption is not None for span in sample.spans)


def _read(prediction: Prediction, is_reference: bool, scorer: str) -> tuple[Moment, ...]:
    """Read the captions as the sample was asked; where the text has none, take what the engine cites with a caption."""
    sample, reply = prediction.sample, reply_of(prediction)
    if is_reference:
        return read_vtimellm_captions(reply, need_number(sample, "duration", scorer=scorer))
    is_relative = fact(sample, "times") == HUNDREDTHS
    is_known = is_relative or fact(sample, "duration") is not None
    duration = need_number(sample, "duration", scorer=scorer) if is_known else None
    cited = tuple(span for span in prediction.spans if span.caption) if prediction.status == "answered" else ()
    return read_captions(reply, duration=duration, is_relative=is_relative) or cited
