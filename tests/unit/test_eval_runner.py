"""The runner: questions go film by film, faults become rows, and a run that goes on answers as one never stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from movieqa.answer import Answer
from movieqa.engine import ExtractiveAnswerer
from movieqa.errors import ContextOverflowError, EvaluationError, WorkspaceError
from movieqa.eval.films import find_film
from movieqa.eval.jobs import FilmDesk, OpenFilm, Question, make_jobs
from movieqa.eval.log import RunLog
from movieqa.eval.origin import describe_run
from movieqa.eval.run import Run, read_run
from movieqa.eval.runner import EvaluationConfig, evaluate
from movieqa.eval.sample import Sample
from movieqa.workspace import Workspace
from tests.evaluation_films import make_films, make_samples


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Opens films of a folder and remembers which; what it is told to break, breaks."""

    folder: Path
    opened: list[str] = field(default_factory=list, hash=False, compare=False)
    asked: list[tuple[str, ...]] = field(default_factory=list, hash=False, compare=False)
    spoil: Callable[[str], None] = lambda question: None
    features: str | None = None

    def open(self, film: str, subtitles: str | None) -> OpenFilm:
        self.opened.append(film)
        place = find_film(film, films=self.folder, workspaces=self.folder)
        workspace = Workspace.open(place.workspace)
        return OpenFilm(
            desk=Desk(shelf=self, inner=FilmDesk(answerer=ExtractiveAnswerer(workspace))), workspace=workspace
        )

    def open_pictures(self) -> OpenFilm:
        raise EvaluationError("no pictures here")


@dataclass(frozen=True, kw_only=True)
class Desk:
    shelf: Shelf
    inner: FilmDesk

    def ask(self, batch: Sequence[Question]) -> list[Answer]:
        self.shelf.asked.append(tuple(question.sample.id for question in batch))
        for question in batch:
            self.shelf.spoil(question.text)
        return self.inner.ask(batch)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_films(folder, 3)
    return folder


SAMPLES = make_samples(["film0", "film1", "film2"], 30)


def bare(sample: Sample) -> str:
    return sample.question


def run(
    path: Path, shelf: Shelf, samples: Sequence[Sample] = SAMPLES, *, batch: int = 4, ignores_until: bool = False
) -> Run:
    header = describe_run(samples, source="qa.jsonl", ask=bare, settings={"batch": batch})
    with RunLog(path, header, samples) as log:
        config = EvaluationConfig(batch=batch, ignores_until=ignores_until)
        evaluate(samples, ask=bare, opener=shelf, log=log, config=config)
    return read_run(path)


def test_every_film_is_opened_once_and_questions_go_in_batches(tmp_path: Path, films: Path) -> None:
    shelf = Shelf(folder=films)
    done = run(tmp_path / "run.jsonl", shelf)
    assert shelf.opened == ["film0", "film1", "film2"]
    assert [one.sample.id for one in done.predictions] == [sample.id for sample in SAMPLES]
    assert max(map(len, shelf.asked)) == 4
    by_id = {sample.id: sample for sample in SAMPLES}
    for batch in shelf.asked:
        assert len({(by_id[name].film, by_id[name].until) for name in batch}) == 1
    film = done.films["film0"]
    assert (film.num_shots, film.num_subtitles, film.num_frames) == (3, 3, 4)
    assert (film.duration, film.first_frame, film.last_frame, film.frame_spacing) == (6.0, 0.0, 4.5, 1.5)


def test_batches_answer_as_single_questions_do(tmp_path: Path, films: Path) -> None:
    together = run(tmp_path / "together.jsonl", Shelf(folder=films), batch=16)
    for one in together.predictions:
        place = find_film(one.sample.film, films=films, workspaces=films)
        answer = ExtractiveAnswerer(Workspace.open(place.workspace)).answer(one.sample.question, until=one.sample.until)
        assert one.text == answer.text
        assert [(span.start, span.end) for span in one.spans] == [(span.start, span.end) for span in answer.spans]


def test_nothing_after_until_is_used_unless_it_is_ignored(tmp_path: Path, films: Path) -> None:
    kept = run(tmp_path / "kept.jsonl", Shelf(folder=films))
    limited = [one for one in kept.predictions if one.sample.until is not None]
    assert limited
    for one in limited:
        assert all(span.end <= (one.sample.until or 0) for span in one.spans)
    free = run(tmp_path / "free.jsonl", Shelf(folder=films), ignores_until=True)
    assert free.predictions != kept.predictions


def test_a_broken_question_is_a_row_and_spoils_no_other(tmp_path: Path, films: Path) -> None:
    def spoil(question: str) -> None:
        if "lamp" in question:
            raise RuntimeError("the lamp\nfell down")
        if "letter" in question:
            raise ContextOverflowError("too long", hint="ask a shorter one")

    whole = {one.sample.id: one for one in run(tmp_path / "whole.jsonl", Shelf(folder=films)).predictions}
    done = run(tmp_path / "run.jsonl", Shelf(folder=films, spoil=spoil))
    assert done.counts == {"answered": 15, "refused": 7, "failed": 8, "missing": 0}
    for one in done.predictions:
        if "lamp" in one.sample.question:
            assert (one.status, one.error) == ("failed", "RuntimeError: the lamp fell down")
        elif "letter" in one.sample.question:
            assert (one.status, one.error) == ("refused", "too long; ask a shorter one")
        else:
            assert (one.text, one.spans) == (whole[one.sample.id].text, whole[one.sample.id].spans)


def test_a_film_that_cannot_be_opened_fails_its_samples_only(tmp_path: Path, films: Path) -> None:
    samples = (*SAMPLES[:6], replace(SAMPLES[0], id="x", film="lost"), replace(SAMPLES[0], id="y", film="../film0"))
    done = run(tmp_path / "run.jsonl", Shelf(folder=films), samples)
    assert done.counts == {"answered": 6, "refused": 0, "failed": 2, "missing": 0}
    assert "no film 'lost'" in str(done.predictions[6].error)
    assert "outside the folder" in str(done.predictions[7].error)
    assert done.films["lost"].error == done.predictions[6].error


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path, films: Path) -> None:
    whole = run(tmp_path / "whole.jsonl", Shelf(folder=films)).content
    for number in range(1, len(SAMPLES), 5):
        left = iter(range(number))

        def interrupt(question: str, left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt

        path = tmp_path / f"{number}.jsonl"
        with pytest.raises(KeyboardInterrupt):
            run(path, Shelf(folder=films, spoil=interrupt))
        assert not read_run(path).is_finished
        assert read_run(path).num_missing > 0
        assert run(path, Shelf(folder=films)).content == whole


def test_batches_do_not_depend_on_where_a_run_was_interrupted() -> None:
    all_of_it = make_jobs(SAMPLES, ask=bare, batch=4)
    (job,) = make_jobs(SAMPLES, ask=bare, batch=4, done=[one.id for one in SAMPLES if one.id != "q009"])
    (batch,) = job.batches
    assert job.missing == {"q009"}
    assert batch in all_of_it[0].batches
    assert make_jobs(SAMPLES, ask=bare, batch=4, done=[one.id for one in SAMPLES]) == []


def test_questions_that_share_nothing_are_logged_one_by_one() -> None:
    jobs = make_jobs(SAMPLES, ask=bare, batch=4, shares_readings=False)
    assert {len(batch) for job in jobs for batch in job.batches} == {1}
    pictures = [replace(one, film="pictures", pictures=("1.jpg",)) for one in SAMPLES[:8] if one.until is None]
    (job,) = make_jobs(pictures, ask=bare, batch=4, shares_readings=False)
    assert len(job.batches[0]) == 4


def test_a_film_that_changed_meanwhile_is_not_mixed_in(tmp_path: Path, films: Path) -> None:
    own = tmp_path / "films"
    own.mkdir()
    make_films(own, 1)
    samples = make_samples(["film0"], 6)
    calls = iter(range(2))

    def interrupt(question: str) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run.jsonl", Shelf(folder=own, spoil=interrupt), samples, batch=1)
    (own / "film0.movieqa").rename(own / "film9.movieqa")
    with pytest.raises(EvaluationError, match=r"film 'film0' is not what it was .*no film 'film0'"):
        run(tmp_path / "run.jsonl", Shelf(folder=own), samples, batch=1)
    (own / "film0.movieqa").symlink_to(films / "film1.movieqa")
    with pytest.raises(EvaluationError, match=r"film 'film0' is not what it was when the log was begun; bring it back"):
        run(tmp_path / "run.jsonl", Shelf(folder=own), samples, batch=1)


def test_samples_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"1 ids stand more than once \('q000'\)"):
        make_jobs([*SAMPLES, SAMPLES[0]], ask=bare, batch=4)
    pair = (replace(SAMPLES[0], subtitles="a.srt"), replace(SAMPLES[3], subtitles="b.srt"))
    with pytest.raises(EvaluationError, match=r"two subtitle files: a\.srt and b\.srt"):
        make_jobs(pair, ask=bare, batch=4)
    with pytest.raises(EvaluationError, match=r"bring pictures and some do not"):
        make_jobs((SAMPLES[0], replace(SAMPLES[3], pictures=("1.jpg",))), ask=bare, batch=4)
    with pytest.raises(EvaluationError, match=r"there are no samples"):
        describe_run((), source="empty.jsonl", ask=bare, settings={})
    with pytest.raises(EvaluationError, match=r"a number of the samples is none"):
        describe_run((replace(SAMPLES[0], time=float("nan")),), source="x", ask=bare, settings={})


@pytest.mark.parametrize("name", ["film0", "film0.movieqa", "film0.mp4", "sub/film0", "folder"])
def test_films_are_found_by_any_of_their_names(tmp_path: Path, name: str) -> None:
    made, films = tmp_path / "made", tmp_path / "films"
    (films / "sub").mkdir(parents=True)
    (films / "folder").mkdir()
    if name == "film0.movieqa":
        (films / name).mkdir()
        (films / name / "manifest.json").write_text("{}")
        assert find_film(name, films=films, workspaces=made).workspace == films / name
        return
    film = {"sub/film0": "sub/film0.mkv", "folder": "folder/film.mp4"}.get(name, "film0.mp4")
    with pytest.raises(EvaluationError, match="no film"):
        find_film(name, films=films, workspaces=made)
    (films / film).write_bytes(b"")
    place = find_film(name, films=films, workspaces=made)
    assert (place.film, place.workspace) == (films / film, (made / film).with_suffix(".movieqa"))
    beside = (films / film).with_suffix(".movieqa")
    beside.mkdir()
    (beside / "manifest.json").write_text("{}")
    assert find_film(name, films=films, workspaces=made).workspace == beside


def test_a_workspace_error_names_the_film(tmp_path: Path, films: Path) -> None:
    def spoil(question: str) -> None:
        raise WorkspaceError("shots.csv: damaged")

    done = run(tmp_path / "run.jsonl", Shelf(folder=films, spoil=spoil), SAMPLES[:3])
    assert {one.error for one in done.predictions} == {"shots.csv: damaged"}
