"""Puts samples into words: the question, what it is to be answered with, and in which form, as each benchmark asks.

All wording is ours; the structure (where subtitles and options stand, how options are marked, how the answer is primed)
is each benchmark's own, because scores depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from movieqa.prompt import FRAME_MARK

from .sample import LETTERS, Sample

HUNDREDTHS = "hundredths"
_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class ChoiceForm:
    """How a benchmark puts a question with options.

    Attributes:
        option: One option, of `letter` and `text`.
        lead: Stands before the question.
        lead_with_subtitles: Stands there instead where subtitles are given.
        close: Stands after the options.
        subtitles: Heading of the subtitles, which stand before all else.
    """

    option: str = "{letter}. {text}"
    lead: str = ""
    lead_with_subtitles: str = ""
    close: str = "Reply with the letter of the right option only."
    subtitles: str = "What is said:"


_MME = ChoiceForm(
    lead="Watch the video and pick the option that answers the question. Reply with its letter only.",
    lead_with_subtitles="Use the video and what is said in it to pick the option that answers the question. "
    "Reply with its letter only.",
    close="The right option is:",
    subtitles="Subtitles of the video:",
)
_FORMS: Mapping[str, ChoiceForm] = {
    _DEFAULT: ChoiceForm(),
    "video-mme": _MME,
    "video-mme-v2": _MME,
    "mlvu": ChoiceForm(
        option="({letter}) {text}",
        lead="Watch the video closely, then pick the option that answers the question best. Give that option only.",
        close="Best option: (",
    ),
    "lvbench": ChoiceForm(option="({letter}) {text}"),
    "cinepile": ChoiceForm(
        option="- {letter}) {text}",
        lead="Answer the question about the scene with the one option that fits best.",
        close="Reply as `Answer: X`, where X is the option's letter.",
        subtitles="Dialogue of the scene:",
    ),
}
_ASK_YES_NO = "Reply with yes or no only."
_ASK_TRUE_FALSE = (
    "Is this statement about the film true in all its parts?\n\n{statement}\n\nReply with true or false only."
)
_ASK_MOMENT = (
    "When does this happen in the video?\n\n{query}\n\n"
    "Reply with the seconds at which it begins and ends, for instance: 12.5 - 20.0"
)
_ASK_MOMENTS = (
    "When does this happen in the video? It may happen more than once.\n\n{query}\n\n"
    "Reply with the seconds at which it begins and ends, the surest time first, for instance: 12.5 - 20.0"
)
_ASK_MOMENT_IN_HUNDREDTHS = (
    "The video is cut into frames 00 to 99. Through which of them is this seen: {query}? Reply as: from 12 to 34."
)
_ASK_CAPTIONS = (
    "Tell everything that happens in the video, in order: who is there, where, what they do with each other. "
    'Reply with a JSON list on one line, of objects with the keys "event" and "timestamps". {times}'
)
_CAPTION_SECONDS = 'Times are seconds, in the form "from 12.5 to 20.0".'
_CAPTION_HUNDREDTHS = 'The video is cut into frames 00 to 99; times are frames, in the form "from 12 to 34".'
_ASK_BOX = (
    "Reply with <ref>the name</ref><box>(x1,y1),(x2,y2)</box>: the left top and the right bottom corner, in whole "
    "thousandths of the picture's width and height."
)


def write_prompt(sample: Sample, *, subtitles: str | None = None) -> str:
    """Put a sample into words.

    Args:
        sample: What to ask.
        subtitles: What is said, for benchmarks whose own prompt shows it; CinePile's is used where none is given.

    Returns:
        The text of the question; the film itself is not in it.

    Example:
        >>> sample = Sample(id="7", film="signs.mp4", question="Which word?", task="choice", options=("book", "door"))
        >>> print(write_prompt(sample))
        Which word?
        A. book
        B. door
        Reply with the letter of the right option only.
    """
    said = subtitles
    if said is None and sample.benchmark == "cinepile":
        said = str(sample.facts.get("subtitles") or "")
    said = (said or "").strip()
    form = _FORMS.get(sample.benchmark, _FORMS[_DEFAULT])
    text = (
        _with_options(sample, form, has_subtitles=bool(said)) if sample.task == "choice" else _without_options(sample)
    )
    return f"{form.subtitles}\n{said}\n\n{text}" if said else text


def ask_in_hundredths(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Return samples whose times are asked for as VTimeLLM's frames 00 to 99 instead of seconds.

    The fact `times` says so, to scorers as to `write_prompt`; samples of other tasks stay as they are.
    """
    return tuple(
        replace(sample, facts={**sample.facts, "times": HUNDREDTHS})
        if sample.task in ("moments", "captions")
        else sample
        for sample in samples
    )


def clean_query(sentence: str) -> str:
    """Return a sentence as VTimeLLM's query holds it: without space around it, in lower case, one last stop removed.

    Example:
        >>> clean_query(" A man sits down . ")
        'a man sits down '
    """
    return sentence.strip().lower().removesuffix(".")


def write_picture_prompt(sample: Sample) -> str:
    """Put a sample about pictures as IDA-VLM was trained on: named people first, each picture as `<img>path</img>`.

    Raises:
        ValueError: The question's marks and the sample's pictures do not go together.

    Example:
        >>> sample = Sample(id="1", film="f", question="In the image: <image>\\n Who is it?", pictures=("2.jpg",))
        >>> write_picture_prompt(sample)
        'In the image: <img>2.jpg</img>\\n Who is it?'
    """
    first, *parts = sample.question.split(FRAME_MARK)
    if len(parts) != len(sample.pictures):
        raise ValueError(f"{sample.id}: {len(parts)} marks for {len(sample.pictures)} pictures")
    shown = (f"<img>{path}</img>{part}" for path, part in zip(sample.pictures, parts, strict=True))
    people = [f"{reference.name} is <img>{reference.image}</img>" for reference in sample.references]
    return "\n ".join([*people, first + "".join(shown)])


def _with_options(sample: Sample, form: ChoiceForm, *, has_subtitles: bool) -> str:
    lead = form.lead_with_subtitles if has_subtitles and form.lead_with_subtitles else form.lead
    options = (
        form.option.format(letter=letter, text=text) for letter, text in zip(LETTERS, sample.options, strict=False)
    )
    return "\n".join([*([lead] if lead else []), sample.question, *options, form.close])


def _without_options(sample: Sample) -> str:
    in_hundredths = sample.facts.get("times") == HUNDREDTHS
    if sample.task == "moments":
        if in_hundredths:
            return _ASK_MOMENT_IN_HUNDREDTHS.format(query=clean_query(sample.question))
        many = sample.benchmark == "qvhighlights"
        return (_ASK_MOMENTS if many else _ASK_MOMENT).format(query=sample.question.strip())
    if sample.task == "captions":
        return _ASK_CAPTIONS.format(times=_CAPTION_HUNDREDTHS if in_hundredths else _CAPTION_SECONDS)
    if sample.task == "yes_no":
        if sample.benchmark == "mf2":
            return _ASK_TRUE_FALSE.format(statement=sample.question)
        return f"{sample.question}\n{_ASK_YES_NO}"
    if sample.task == "box":
        return f"{sample.question}\n{_ASK_BOX}"
    return sample.question
