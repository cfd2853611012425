"""Reads samples of any benchmark, which the files themselves name where the user does not; nothing is downloaded."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from movieqa.errors import EvaluationError

from .catalogue import CATALOGUE, Benchmark
from .readers.files import LINES, find_files, match_files
from .readers.glimpse import Glimpse, look_at
from .sample import Sample, Task

_NAME_IT = "name it with --benchmark"


def list_benchmarks() -> tuple[Benchmark, ...]:
    """Return all benchmarks that can be read, our own form first.

    Example:
        >>> list_benchmarks()[0].name
        'movieqa'
    """
    return CATALOGUE


def find_benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name, in any case.

    Raises:
        EvaluationError: There is none.

    Example:
        >>> find_benchmark("MM-ID").title
        'MM-ID'
    """
    for benchmark in CATALOGUE:
        if benchmark.name == name.lower():
            return benchmark
    names = [benchmark.name for benchmark in CATALOGUE]
    near = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"is {near[0]} meant?" if near else f"there are {', '.join(names)}"
    raise EvaluationError(f"no benchmark {name!r}", hint=hint)


def tell_benchmark(source: Path) -> Benchmark:
    """Return the one benchmark whose published files look like this.

    Args:
        source: A file, or a folder with published files in it.

    Raises:
        EvaluationError: None does, or several do; the message names them.
    """
    seen: dict[Path, Glimpse] = {}
    found = []
    for benchmark in CATALOGUE:
        path = _first_file(source, benchmark)
        if path is None:
            continue
        if path not in seen:
            seen[path] = look_at(path)
        if benchmark.is_told_by(seen[path]):
            found.append(benchmark)
    if len(found) == 1:
        return found[0]
    if not found and source.suffix.lower() in LINES:
        return CATALOGUE[0]  # whose reader says what is wrong with which line
    if found:
        names = ", ".join(benchmark.name for benchmark in found)
        raise EvaluationError(f"{source} can be of more than one benchmark ({names})", hint=_NAME_IT)
    raise EvaluationError(
        f"{source} looks like no benchmark that can be read", hint=f"see movieqa eval --list, and {_NAME_IT}"
    )


def read_samples(
    source: Path, *, benchmark: str | None = None, tasks: Collection[Task] | None = None
) -> tuple[Sample, ...]:
    """Read the samples of a file or folder.

    Args:
        source: Published files, or samples in our own form.
        benchmark: Its name; told by the content where it is not given.
        tasks: Only these, such as `moments` of ActivityNet Captions without its `captions`; all by default.

    Returns:
        Samples in the order of the data, each with an id of its own.

    Raises:
        EvaluationError: It is of no or several benchmarks, has no such task, or a record is not as published; the
            message names file and line.
        MissingDependencyError: It is a Parquet file and pyarrow is not installed.

    Example:
        >>> read_samples(Path("films/00000007/qa.jsonl"))[0].task  # doctest: +SKIP
        'choice'
    """
    chosen = tell_benchmark(source) if benchmark is None else find_benchmark(benchmark)
    samples = chosen.reader(source)
    for name in dict.fromkeys(sample.benchmark for sample in samples):
        find_benchmark(name)  # which samples in our own form are free to say, and scoring will ask
    if tasks is None:
        return samples
    kept = tuple(sample for sample in samples if sample.task in tasks)
    if not kept:
        has = ", ".join(dict.fromkeys(sample.task for sample in samples))
        raise EvaluationError(f"{source} has no task {', '.join(tasks)}", hint=f"it has {has}")
    return kept


def _first_file(source: Path, benchmark: Benchmark) -> Path | None:
    """Return the file that a benchmark would be read from first; None where a folder has none."""
    if not source.is_dir():
        return find_files(source, ())[0]
    return next(iter(match_files(source, benchmark.files)), None)
