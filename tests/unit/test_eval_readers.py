"""Readers of all benchmarks: what published files become, told by name and by content alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.benchmarks import find_benchmark, list_benchmarks, read_samples, tell_benchmark
from movieqa.eval.catalogue import Benchmark
from movieqa.eval.judging.scorers import JudgedAnswers, MLVUGeneration, MultimodalIdentity, VideoChatGPT
from movieqa.eval.sample import Moment
from movieqa.eval.scorers.registry import SCORERS
from tests.benchmark_files import WRITERS, write_text
from tests.benchmark_samples import COUNTS, FIRST


@pytest.fixture(params=list_benchmarks(), ids=lambda benchmark: benchmark.name)
def benchmark_kind(request: pytest.FixtureRequest) -> Benchmark:
    kind: Benchmark = request.param
    return kind


def test_published_files_become_samples(benchmark_kind: Benchmark, tmp_path: Path) -> None:
    name = benchmark_kind.name
    samples = read_samples(WRITERS[name](tmp_path), benchmark=name)
    assert samples[0] == FIRST[name]
    assert len(samples) == COUNTS.get(name, 1) == len({sample.id for sample in samples})


def test_files_tell_their_benchmark(benchmark_kind: Benchmark, tmp_path: Path) -> None:
    source = WRITERS[benchmark_kind.name](tmp_path)
    if benchmark_kind.name == "msvd-qa":  # which looks like MSRVTT-QA
        with pytest.raises(EvaluationError, match=r"more than one benchmark \(msvd-qa, msrvtt-qa\); name it with"):
            tell_benchmark(source)
    else:
        assert tell_benchmark(source) is benchmark_kind


def test_a_benchmark_says_where_its_data_is(benchmark_kind: Benchmark) -> None:
    assert benchmark_kind.title and benchmark_kind.licence and benchmark_kind.homepage and benchmark_kind.files
    assert benchmark_kind.name == "movieqa" or benchmark_kind.homepage.startswith("https://")
    assert benchmark_kind.scorers and find_benchmark(benchmark_kind.name.upper()) is benchmark_kind


def test_an_unknown_name_gets_a_near_one() -> None:
    with pytest.raises(EvaluationError, match=r"no benchmark 'lvbnch'; is lvbench meant\?"):
        find_benchmark("lvbnch")


def test_a_benchmark_can_be_read_for_one_task_only(tmp_path: Path) -> None:
    path = WRITERS["activitynet-captions"](tmp_path)
    (captions,) = read_samples(path, tasks=("captions",))
    assert captions.spans == (
        Moment(start=0.8, end=19.9, caption="A man rows a boat."),
        Moment(start=60.0, end=85.0, caption=" He lands. "),
    )
    with pytest.raises(EvaluationError, match="no task box; it has moments, captions"):
        read_samples(path, tasks=("box",))


@pytest.mark.parametrize(
    ("benchmark", "film", "expected"),
    [
        ("longvideobench", "videos/k1.mp4", "videos/k1.mp4"),
        ("video-mme", "data/yt01.mkv", "data/yt01.mkv"),
        ("mlvu", "video/1_plotQA/film_1.mp4", "video/1_plotQA/film_1.mp4"),
        ("video-mme-v2", "elsewhere/007.mp4", "007"),
    ],
)
def test_films_are_found_where_the_data_is_published(benchmark: str, film: str, expected: str, tmp_path: Path) -> None:
    source = WRITERS[benchmark](tmp_path)
    write_text(tmp_path / film, "")
    assert read_samples(source, benchmark=benchmark)[0].film == expected


def test_the_docs_say_what_the_catalogue_says(benchmark_kind: Benchmark) -> None:
    text = (Path(__file__).parents[2] / "docs" / "evaluation-data.md").read_text(encoding="utf-8")
    first, second = (line for line in text.split("\n") if line.startswith(f"| `{benchmark_kind.name}` |"))
    for part in (benchmark_kind.title, benchmark_kind.summary, benchmark_kind.licence, *benchmark_kind.scorers):
        assert part in first
    assert benchmark_kind.homepage in first or benchmark_kind.name == "movieqa"
    assert all(f"`{name}`" in second for name in benchmark_kind.files)


def test_every_scorer_of_the_catalogue_is_there(benchmark_kind: Benchmark) -> None:
    judged = {one.name for one in (JudgedAnswers, VideoChatGPT, MLVUGeneration, MultimodalIdentity)}
    assert set(benchmark_kind.scorers) <= {*SCORERS, *judged}
