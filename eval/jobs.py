"""Jobs: all questions about one film, in batches, and what becomes of them. A fault is a row, never a missing one."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from movieqa.answer import Answer
from movieqa.engine import Answerer
from movieqa.errors import EvaluationError, MovieQAError
from movieqa.workspace import Workspace

from .prediction import Prediction, Status
from .rows import FilmRow
from .sample import Moment, Sample


@dataclass(frozen=True, kw_only=True)
class Question:
    """A sample as it is put."""

    sample: Sample
    text: str
    until: float | None = None
    """Nothing of the film at or after this time, in seconds, may be used."""


@dataclass(frozen=True, kw_only=True)
class FilmJob:
    """All that is asked about one film.

    Attributes:
        film: Its name, as the samples give it.
        subtitles: A subtitle file that goes with it.
        batches: Questions put together, each batch with one `until`. They are the same however often a run goes on,
            so that an answer never depends on where a run was interrupted.
        is_of_pictures: Whether the samples bring pictures of their own, and the film is but a name for them.
        missing: Ids of the samples that have no row yet; the answers to others in their batches are dropped.
    """

    film: str
    subtitles: str | None
    batches: tuple[tuple[Question, ...], ...]
    missing: frozenset[str]
    is_of_pictures: bool = False


class Desk(Protocol):
    """What answers a batch of questions; they share one `until`."""

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer questions, in their order.

        Raises:
            MovieQAError: One of them cannot be answered.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class FilmDesk:
    """Puts questions to what answers about one film."""

    answerer: Answerer

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer questions, sharing what can be shared; errors are those of the answerer."""
        return self.answerer.answer_many([question.text for question in batch], until=batch[0].until)


@dataclass(frozen=True, kw_only=True)
class OpenFilm:
    """A film that is ready to be asked about.

    Attributes:
        desk: What answers.
        workspace: The film; None where it is not looked at.
    """

    desk: Desk
    workspace: Workspace | None = None


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What becomes of a part of a job."""

    film: FilmRow | None = None
    predictions: tuple[Prediction, ...] = ()


class FilmOpener(Protocol):
    """Opens films, preprocessing what is missing; goes to other machines by being pickled.

    Equal openers open alike, and have one hash: a worker keeps the first, and with it the model.
    """

    def __hash__(self) -> int: ...

    @property
    def features(self) -> str | None:
        """Name of the model whose features are used; None for none."""
        ...

    def open(self, film: str, subtitles: str | None) -> OpenFilm:
        """Open a film.

        Raises:
            MovieQAError: It is not there or cannot be read.
        """
        ...

    def open_pictures(self) -> OpenFilm:
        """Open what answers about pictures that belong to no film.

        Raises:
            MovieQAError: Nothing does.
        """
        ...


def make_jobs(
    samples: Sequence[Sample],
    *,
    ask: Callable[[Sample], str],
    batch: int,
    done: Iterable[str] = (),
    ignores_until: bool = False,
    shares_readings: bool = True,
) -> list[FilmJob]:
    """Group samples by film, in the order in which the films come up.

    Args:
        samples: All samples of a run.
        ask: Puts a sample into words.
        batch: The most questions put together.
        done: Ids of the samples that have a row.
        ignores_until: Let every question use the whole film.
        shares_readings: Whether a batch of questions about a film gains anything; else each is a batch of its own, and
            its row is written as soon as it is answered.

    Returns:
        A job for every film that anything is missing of.

    Raises:
        EvaluationError: Two samples have one id, or those of a film do not go together.
    """
    check_ids(samples)
    films: dict[str, list[Sample]] = {}
    for sample in samples:
        films.setdefault(sample.film, []).append(sample)
    missing = {sample.id for sample in samples}.difference(done)
    jobs = []
    for film, asked in films.items():
        wanted = frozenset(sample.id for sample in asked) & missing
        if not wanted:
            continue
        is_of_pictures = _is_of_pictures(film, asked)
        size = batch if shares_readings or is_of_pictures else 1
        parts: dict[float | None, list[Question]] = {}
        for sample in asked:
            until = None if ignores_until else sample.until
            parts.setdefault(until, []).append(Question(sample=sample, text=ask(sample), until=until))
        batches = (
            tuple(part[start : start + size])
            for _, part in sorted(parts.items(), key=lambda item: (item[0] is not None, item[0] or 0.0))
            for start in range(0, len(part), size)
        )
        jobs.append(
            FilmJob(
                film=film,
                subtitles=_subtitles(film, asked),
                batches=tuple(one for one in batches if any(question.sample.id in wanted for question in one)),
                missing=wanted,
                is_of_pictures=is_of_pictures,
            )
        )
    return jobs


def check_ids(samples: Sequence[Sample]) -> None:
    """Refuse samples that share an id.

    Raises:
        EvaluationError: Two do.
    """
    seen: set[str] = set()
    doubled = dict.fromkeys(sample.id for sample in samples if sample.id in seen or seen.add(sample.id))  # type: ignore[func-returns-value]
    if doubled:
        some = ", ".join(map(repr, list(doubled)[:3]))
        raise EvaluationError(
            f"{len(doubled)} ids stand more than once ({some})", hint="give every sample an id of its own"
        )


def _subtitles(film: str, samples: Sequence[Sample]) -> str | None:
    files = list(dict.fromkeys(sample.subtitles for sample in samples if sample.subtitles is not None))
    if len(files) > 1:
        raise EvaluationError(
            f"film {film!r} has two subtitle files: {files[0]} and {files[1]}", hint="name one for all its samples"
        )
    return files[0] if files else None


def _is_of_pictures(film: str, samples: Sequence[Sample]) -> bool:
    kinds = {bool(sample.pictures) for sample in samples}
    if len(kinds) > 1:
        raise EvaluationError(f"some samples of {film!r} bring pictures and some do not", hint="give them two names")
    return kinds.pop()


def run_job(job: FilmJob, opener: FilmOpener) -> Iterator[Rows]:
    """Open a film and ask all about it.

    A film that cannot be opened fails all its samples, with the reason.
    """
    started = time.perf_counter()
    try:
        opened = opener.open_pictures() if job.is_of_pictures else opener.open(job.film, job.subtitles)
        workspace = opened.workspace
        row = FilmRow(film=job.film) if workspace is None else FilmRow.of(job.film, workspace, model=opener.features)
        row = replace(row, seconds=time.perf_counter() - started, peak_bytes=peak_bytes())
    except Exception as error:  # a night's run goes on with the next film, and the row says what happened to this one
        yield failed_film(job, f"the film cannot be opened: {explain(error)}", seconds=time.perf_counter() - started)
        return
    yield Rows(film=row)
    for batch in job.batches:
        predictions = ask_batch(opened.desk, batch)
        yield Rows(predictions=tuple(one for one in predictions if one.sample.id in job.missing))


def failed_film(job: FilmJob, error: str, *, seconds: float = 0.0) -> Rows:
    """Return the rows of a film that cannot be asked about, its error in each."""
    row = FilmRow(film=job.film, error=error, seconds=seconds, peak_bytes=peak_bytes())
    questions = [question for batch in job.batches for question in batch if question.sample.id in job.missing]
    return Rows(
        film=row,
        predictions=tuple(Prediction(sample=question.sample, status="failed", error=error) for question in questions),
    )


def ask_batch(desk: Desk, batch: Sequence[Question]) -> list[Prediction]:
    """Ask questions together; where one of them breaks, each by itself, so that only that one has no answer."""
    started = time.perf_counter()
    try:
        answers = desk.ask(batch)
    except Exception as error:
        if len(batch) > 1:
            return [prediction for question in batch for prediction in ask_batch(desk, [question])]
        return [
            Prediction(
                sample=batch[0].sample,
                status=_status(error),
                error=explain(error),
                seconds=time.perf_counter() - started,
                peak_bytes=peak_bytes(),
            )
        ]
    seconds = (time.perf_counter() - started) / len(batch)
    peak = peak_bytes()
    return [
        predict(question.sample, answer, seconds=seconds, peak=peak)
        for question, answer in zip(batch, answers, strict=True)
    ]


def predict(sample: Sample, answer: Answer, *, seconds: float, peak: int) -> Prediction:
    """Turn an answer into a prediction."""
    usage = answer.usage
    return Prediction(
        sample=sample,
        text=answer.text,
        spans=tuple(Moment(start=span.start, end=span.end) for span in answer.spans),
        names=answer.names,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        answer_tokens=usage.answer_tokens if usage else 0,
        frames_used=usage.frames_used if usage else 0,
        frames_dropped=usage.frames_dropped if usage else 0,
        seconds=seconds,
        peak_bytes=peak,
    )


def explain(error: Exception) -> str:
    """Say in one line what went wrong; what nobody foresaw comes with its kind."""
    text = " ".join(str(error).split())
    return text if isinstance(error, MovieQAError) else f"{type(error).__name__}: {text}".removesuffix(": ")


def _status(error: Exception) -> Status:
    """Tell what the engine would not do from what broke."""
    return "refused" if isinstance(error, MovieQAError) else "failed"


def peak_bytes() -> int:
    """Return the most memory that the GPU had to hold, or this process where there is none."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
