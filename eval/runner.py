"""Runs an evaluation: asks all that is missing, film by film, and writes every answer and every fault into the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from movieqa.errors import EvaluationError

from .jobs import FilmJob, FilmOpener, Rows, make_jobs, run_job
from .log import RunLog
from .sample import Sample

OnProgress = Callable[[int, int, str], None]
"""Hears how many samples have a row, of how many, and which film the last came from."""
RunJobs = Callable[[Sequence[FilmJob], FilmOpener], Iterator[tuple[FilmJob, Rows]]]
"""Where jobs run: in this process, or on a cluster."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How samples are asked.

    Attributes:
        batch: The most questions put together; they share one reading of the film where the guidance allows it.
        ignores_until: Let every question use the whole film, whatever its sample says.
        shares_readings: Whether questions of a batch share anything; else each is answered, and logged, by itself.
    """

    batch: int = 16
    ignores_until: bool = False
    shares_readings: bool = True

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            EvaluationError: One cannot work.
        """
        if self.batch < 1:
            raise EvaluationError(f"batch must be at least 1, got {self.batch}")


def evaluate(
    samples: Sequence[Sample],
    *,
    ask: Callable[[Sample], str],
    opener: FilmOpener,
    log: RunLog,
    config: EvaluationConfig | None = None,
    run_jobs: RunJobs | None = None,
    on_progress: OnProgress | None = None,
) -> int:
    """Ask all samples that the log has no row of.

    Args:
        samples: All samples of the run, in order.
        ask: Puts a sample into words.
        opener: Opens films, preprocessing what is missing.
        log: Takes the rows; an interrupted run goes on with the same log.
        config: How samples are asked.
        run_jobs: Where; in this process by default.
        on_progress: Hears how far the run has come.

    Returns:
        How many samples have no answer.

    Raises:
        EvaluationError: Two samples have one id, a film changed since the log was begun, or the log cannot be written.

    Example:
        >>> with RunLog(path, header, samples) as log:  # doctest: +SKIP
        ...     evaluate(samples, ask=write_prompt, opener=opener, log=log)
        0
    """
    config = config or EvaluationConfig()
    if log.is_finished:
        return log.num_failed
    jobs = make_jobs(
        samples,
        ask=ask,
        batch=config.batch,
        done=log.done,
        ignores_until=config.ignores_until,
        shares_readings=config.shares_readings,
    )
    for job, rows in (run_jobs or run_here)(jobs, opener):
        film = rows.film
        if film is not None and (earlier := log.films.get(film.film)) is not None and not earlier.error:
            if film.digest != earlier.digest:
                raise EvaluationError(
                    f"{log.path}: film {film.film!r} is not what it was when the log was begun"
                    + (f" ({film.error})" if film.error else ""),
                    hint="bring it back, or start a new log",
                )
            film = None
        log.add(film=film, predictions=rows.predictions)
        if on_progress is not None:
            on_progress(log.num_done, len(samples), job.film)
    log.finish()
    return log.num_failed


def run_here(jobs: Sequence[FilmJob], opener: FilmOpener) -> Iterator[tuple[FilmJob, Rows]]:
    """Run jobs in this process, one after the other."""
    for job in jobs:
        for rows in run_job(job, opener):
            yield job, rows
