"""Batch evaluation on a Ray cluster: one start, three runs; also with workers that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from movieqa import api
from movieqa.answerers import AnswererConfig
from movieqa.api.evaluation_films import FilmShelf
from movieqa.errors import EvaluationError
from movieqa.eval.cluster import Cluster, ClusterConfig
from movieqa.eval.jobs import OpenFilm
from movieqa.eval.log import RunLog
from movieqa.eval.origin import describe_run
from movieqa.eval.run import Run, read_run
from movieqa.eval.runner import EvaluationConfig, RunJobs, evaluate
from movieqa.eval.sample import Sample
from tests.command import movieqa
from tests.evaluation_films import make_films, make_samples, write_samples

SAMPLES = make_samples(["film0", "film1", "film2", "film3"], 48)


@dataclass(frozen=True, kw_only=True)
class MortalShelf(FilmShelf):
    """Kills its worker at a film: the first time only, or always."""

    dies_at: str
    tombstone: Path
    """Written when it died; None of it matters to the answers."""
    is_fatal: bool = False

    def open(self, film: str, subtitles: str | None) -> OpenFilm:
        if film == self.dies_at and (self.is_fatal or not self.tombstone.exists()):
            self.tombstone.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().open(film, subtitles)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_samples(folder / "qa.jsonl", make_samples(make_films(folder, 4), 48))
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with Cluster(ClusterConfig(max_retries=1)) as one:
        yield one
    assert ray.is_initialized(), "a cluster that somebody else started is left running"
    ray.shutdown()


def bare(sample: Sample) -> str:
    return sample.question


def run(path: Path, shelf: FilmShelf, run_jobs: RunJobs | None = None) -> Run:
    header = describe_run(SAMPLES, source="qa.jsonl", ask=bare, settings={"batch": 4})
    with RunLog(path, header, SAMPLES) as log:
        evaluate(SAMPLES, ask=bare, opener=shelf, log=log, config=EvaluationConfig(batch=4), run_jobs=run_jobs)
    return read_run(path)


def shelf(films: Path) -> FilmShelf:
    return FilmShelf(films=films, workspaces=films, answers=AnswererConfig(), batch=4)


def mortal(films: Path, tombstone: Path, *, is_fatal: bool = False) -> MortalShelf:
    return MortalShelf(
        films=films,
        workspaces=films,
        answers=AnswererConfig(),
        batch=4,
        dies_at="film2",
        tombstone=tombstone,
        is_fatal=is_fatal,
    )


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("127.0.0.1:1", r"no Ray cluster at 127\.0\.0\.1:1 \(Connection refused\)"),
        ("ray://head:10001", "is no address of a Ray cluster"),
        ("head", "is no address of a Ray cluster"),
    ],
)
def test_a_cluster_that_is_not_there_is_one_clear_line(address: str, complaint: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(EvaluationError, match=complaint):
        Cluster(ClusterConfig(address=address))


def test_a_cluster_gives_what_one_process_gives_also_when_a_worker_is_killed(
    films: Path, tmp_path: Path, cluster: Cluster
) -> None:
    here = run(tmp_path / "here.jsonl", shelf(films))
    assert run(tmp_path / "there.jsonl", shelf(films), cluster.run).content == here.content
    tombstone = tmp_path / "tombstone"
    killed = run(tmp_path / "killed.jsonl", mortal(films, tombstone), cluster.run)
    assert tombstone.exists()
    assert killed.content == here.content


def test_a_film_that_kills_every_worker_is_rows_like_any_other(films: Path, tmp_path: Path, cluster: Cluster) -> None:
    done = run(tmp_path / "fatal.jsonl", mortal(films, tmp_path / "tombstone", is_fatal=True), cluster.run)
    assert done.counts == {"answered": 36, "refused": 0, "failed": 12, "missing": 0}
    failed = [one for one in done.predictions if one.status == "failed"]
    assert {one.sample.film for one in failed} == {"film2"}
    assert "WorkerCrashedError" in str(failed[0].error)
    assert "\n" not in str(failed[0].error)


def test_the_same_command_with_ray(films: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    here = api.evaluate(films / "qa.jsonl", out=tmp_path / "here.jsonl")
    done = movieqa("eval", films / "qa.jsonl", "--out", "there.jsonl", "--ray", cwd=tmp_path)
    assert (done.code, done.out) == (0, "there.jsonl  (48 answered)\n"), done.err
    there = read_run(tmp_path / "there.jsonl")
    assert here.content == there.content
    assert [session["ray"] for session in (*here.sessions, *there.sessions)] == [False, True]
