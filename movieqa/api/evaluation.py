"""Evaluates: asks samples over many films, and logs what comes back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .film import PathLike

if TYPE_CHECKING:
    from movieqa.eval.blind import Blind
    from movieqa.eval.catalogue import Benchmark
    from movieqa.eval.run import Run
    from movieqa.eval.runner import OnProgress
    from movieqa.eval.sample import Sample, Task
    from movieqa.features import FeatureKind
    from movieqa.memory.providers import ProviderName
    from movieqa.model.loading import Quantisation
    from movieqa.session import Guidance


def evaluate(
    samples: PathLike | Sequence[Sample],
    *,
    out: PathLike,
    films: PathLike | None = None,
    workspaces: PathLike | None = None,
    benchmark: str | None = None,
    task: Sequence[Task] = (),
    times: Literal["seconds", "hundredths"] = "seconds",
    limit: int | None = None,
    model: str | None = None,
    guidance: Guidance = "question",
    device: str = "auto",
    quantisation: Quantisation = "none",
    answer_tokens: int = 512,
    max_spans: int = 5,
    batch: int = 16,
    until_free: bool = False,
    blind: Blind | None = None,
    people: ProviderName | None = None,
    fps: float = 1.0,
    max_frames: int | None = None,
    features: FeatureKind = "float16",
    redo_failed: bool = False,
    ray: bool = False,
    ray_address: str | None = None,
    ray_cpus: float = 1.0,
    ray_gpus: float | None = None,
    on_progress: OnProgress | None = None,
) -> Run:
    """Ask every sample and log what comes back; run it again after an interruption and it goes on.

    Films that have no workspace yet are preprocessed, and a model's features are made where they are missing. An
    error or a refusal is a row of the log like any other.

    Args:
        samples: A benchmark's file or folder, or samples.
        out: The log, one JSON object a line.
        films: The folder of films or workspaces; by default the one the samples are in.
        workspaces: Where workspaces are, or are made; by default beside the films.
        benchmark: Which format the samples have; by default it is recognised.
        task: Only samples of these tasks, such as `choice`; all by default.
        times: Ask for moments in seconds, or in the frames 00 to 99 that VTimeLLM's models were trained on.
        limit: Only the first so many samples.
        model: A model's folder or hub name; without one the film's own lines and shots answer.
        guidance: What guides a model's context tokens: every `question`, or one text for the whole `film`, so that
            all questions about a film share one reading of it.
        device: Where the model runs; `auto` takes the first GPU, else the processor.
        quantisation: Of the language model's weights: `none`, `8bit` or `4bit`.
        answer_tokens: The longest answer a model writes.
        max_spans: The most moments an answer cites, 1 to 5.
        batch: The most questions put together; with `guidance="question"` each is answered, and logged, by itself.
        until_free: Let every question use the whole film, whatever its sample says.
        blind: Keep the film from the model, to see what it knows without: `text` asks the bare question, `subtitles`
            gives it the lines.
        people: Find who is on screen in films where nobody has looked, `classical` or `sface`; a folder `cast` beside
            the film gives them names.
        fps: Frames sampled a second, of films that have no workspace yet.
        max_frames: At most so many, spread evenly.
        features: How features are stored: `float16`, or `int8` in half the room.
        redo_failed: Ask samples that failed again; those that were refused stay.
        ray: Run on a Ray cluster, one film a task; the results are the same.
        ray_address: Of a running cluster; by default one is started on this machine.
        ray_cpus: Processors a film gets.
        ray_gpus: GPUs a film gets; by default one where the cluster has any.
        on_progress: Hears how many samples are done, of how many, and which film was last.

    Returns:
        The run, read back from the log.

    Raises:
        EvaluationError: The samples cannot be used, the log is of another run or is being written, or cannot be.
        ConfigError: An argument cannot work.
        CheckpointError: The model is not complete.
        MissingDependencyError: A part that was asked for is not installed.

    Example:
        >>> run = evaluate("qa.jsonl", out="run.jsonl", films="films")  # doctest: +SKIP
        >>> run.counts  # doctest: +SKIP
        {'answered': 200, 'refused': 0, 'failed': 0, 'missing': 0}
    """
    from movieqa.answerers import AnswererConfig
    from movieqa.errors import ConfigError
    from movieqa.eval.asking import ask_in_hundredths, write_prompt
    from movieqa.eval.log import RunLog
    from movieqa.eval.origin import describe_run, describe_session
    from movieqa.eval.run import read_run
    from movieqa.eval.runner import EvaluationConfig
    from movieqa.eval.runner import evaluate as run_evaluation

    from .evaluation_films import FilmShelf

    if blind is not None and model is None:
        raise ConfigError(
            "blind needs a model: without one nothing but the film itself answers", hint="name one with --model"
        )
    if not 1 <= max_spans <= 5:
        raise ConfigError(f"max_spans must be 1 to 5, got {max_spans}")
    chosen, source, folder = _read_samples(samples, benchmark=benchmark, task=task, limit=limit)
    if times == "hundredths":
        chosen = ask_in_hundredths(chosen)
    model_folder = None if model is None else _model_folder(model)
    films = Path(films) if films is not None else folder
    answers = AnswererConfig(
        model=str(model_folder.resolve()) if model_folder is not None and Path(str(model)).is_dir() else model,
        guidance=guidance,
        device=device,
        quantisation=quantisation,
        answer_tokens=answer_tokens,
        max_spans=max_spans,
    )
    sampling: dict[str, Any] = {"fps": fps, "max_frames": max_frames, "people": people}
    settings: dict[str, Any] = {"max_spans": max_spans, "batch": batch, "until_free": until_free, **sampling}
    if model is not None:
        settings |= {
            "guidance": guidance,
            "device": device,
            "quantisation": quantisation,
            "answer_tokens": answer_tokens,
            "blind": blind,
            "features": features,
        }
    shelf = FilmShelf(
        films=films.resolve(),
        workspaces=(films if workspaces is None else Path(workspaces)).resolve(),
        answers=answers,
        batch=batch,
        blind=blind,
        features_kind=features,
        **sampling,
    )
    # Retrieval looks for every word of a question; instructions would only lead it astray.
    ask = write_prompt if model is not None else _words_of
    shares_readings = model is None or (guidance == "film" and blind is None)
    config = EvaluationConfig(batch=batch, ignores_until=until_free, shares_readings=shares_readings)
    header = describe_run(chosen, source=source, ask=ask, settings=settings, model=model, folder=model_folder)
    places = {"films": shelf.films, "workspaces": shelf.workspaces}
    beside = {name: os.path.relpath(place, Path(out).resolve().parent) for name, place in places.items()}
    session = {**describe_session(), **beside, "ray": ray}
    with RunLog(Path(out), header, chosen, session=session, redo_failed=redo_failed) as log, ExitStack() as stack:
        run_jobs = None
        if ray and not log.is_finished:
            from movieqa.eval.cluster import Cluster, ClusterConfig

            cluster = Cluster(ClusterConfig(address=ray_address, num_cpus=ray_cpus, num_gpus=ray_gpus))
            run_jobs = stack.enter_context(cluster).run
        run_evaluation(
            chosen, ask=ask, opener=shelf, log=log, config=config, run_jobs=run_jobs, on_progress=on_progress
        )
    return read_run(Path(out))


def _model_folder(model: str) -> Path:
    """Return a model's folder, seeing to it now that a run would not fail film by film for want of it."""
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import find_folder, read_config

    folder = find_folder(model)
    read_config(folder)
    return folder


def _read_samples(
    samples: PathLike | Sequence[Sample], *, benchmark: str | None, task: Sequence[Task], limit: int | None
) -> tuple[tuple[Sample, ...], str, Path]:
    """Return samples, what they are called, and the folder that their films are looked for in."""
    from movieqa.errors import ConfigError

    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1, got {limit}")
    if not isinstance(samples, str | Path):
        return tuple(one for one in samples if not task or one.task in task)[:limit], "samples", Path()
    from movieqa.eval.benchmarks import read_samples
    from movieqa.eval.timed_lines import write_srt_files

    path = Path(samples)
    folder = path if path.is_dir() else path.parent
    chosen = read_samples(path, benchmark=benchmark, tasks=task or None)[:limit]
    timed = [
        one for one in chosen if one.subtitles is None and (folder / str(one.facts.get("subtitle_path"))).is_file()
    ]
    if timed and write_srt_files(timed, folder):  # their own form becomes SubRip, which the reader then finds
        chosen = read_samples(path, benchmark=benchmark, tasks=task or None)[:limit]
    return chosen, path.resolve().name, folder


def _words_of(sample: Sample) -> str:
    """Return what the film's own evidence is asked: the question, and the options to choose among."""
    return "\n".join((sample.question, *(sample.options if sample.task == "choice" else ())))


def benchmarks() -> tuple[Benchmark, ...]:
    """List the benchmarks that `evaluate` reads: names, licences, and where a user gets the data."""
    from movieqa.eval.benchmarks import list_benchmarks

    return list_benchmarks()
