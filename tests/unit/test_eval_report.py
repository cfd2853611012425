"""The report of a run, as a parser and as a browser read it: all is there, nothing of strangers runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from movieqa import api
from movieqa.errors import EvaluationError
from movieqa.eval.sample import Moment, Sample
from tests.browser import chromium
from tests.evaluation_films import make_films, make_samples

HOSTILE = """</script></style><script>alert(1)</script><img src=x onerror="alert(2)">'"&lt;]]>--> {{ 7*7 }}\x1b[31m"""


class Parsed(HTMLParser):
    """A page's elements and its text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films and the log of a run with right, wrong, hostile and lost samples."""
    folder = tmp_path_factory.mktemp("report")
    samples: list[Sample] = list(make_samples(make_films(folder, 4), 40))
    samples = [replace(one, answer="B") if one.options and index % 3 == 0 else one for index, one in enumerate(samples)]
    evil = replace(samples[0], id="evil", question=HOSTILE, answer=HOSTILE, tags=(HOSTILE, f"kind:{HOSTILE}"))
    lost = replace(samples[1], id="lost", film=f"lost{HOSTILE}")
    odd = replace(samples[0], id="odd", spans=(Moment(start=9.0, end=-3.0), Moment(start=1e9, end=2e9)))
    api.evaluate([evil, lost, odd, *samples], out=folder / "run.jsonl", films=folder)
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    return api.eval_report(folder / "run.jsonl")


def test_tables_curve_and_worst_cases_are_there(page: Path) -> None:
    assert page.name == "run.html"
    parsed = Parsed(page)
    for text in (
        "choice",
        "token_f1",
        "By tag",
        "By length of film",
        "Worst cases",
        "Without an answer",
        "letter",
        "all alike",
    ):
        assert text in parsed.text
    pictures = [attrs for tag, attrs in parsed.tags if tag == "img"]
    assert len(pictures) > 10
    assert all(attrs["src"].startswith("data:image/jpeg;base64,") and attrs["alt"] for attrs in pictures)
    assert {"curve", "strip", "bar"} <= {attrs.get("class") for tag, attrs in parsed.tags if tag == "svg"}


def test_nothing_hostile_is_more_than_text(page: Path) -> None:
    parsed = Parsed(page)
    assert parsed.count("script") == 0
    assert parsed.text.count("alert(1)") > 3
    assert "{{ 7*7 }}" in parsed.text and "49" not in parsed.text.split("alert(1)")[1][:80]
    assert "\x1b" not in page.read_text(encoding="utf-8")
    for tag, attrs in parsed.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
        assert attrs.get("href", "data:,").startswith(("data:,", "#"))


def test_a_browser_shows_it_and_asks_nobody(page: Path, tmp_path: Path) -> None:
    with chromium() as browser:
        for width in (1280, 400):
            with browser.page(width=width, height=900) as opened:
                opened.goto(page.as_uri())
                assert opened.problems == []
                assert opened.requests == [page.as_uri()]
                assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert opened.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
                assert opened.evaluate("document.querySelectorAll('.case').length") > 10
                assert opened.screenshot(tmp_path / "page.png").stat().st_size > 5000


def test_the_same_log_gives_the_same_page(folder: Path, page: Path, tmp_path: Path) -> None:
    again = api.eval_report(folder / "run.jsonl", output=tmp_path / "again.html")
    assert again.read_bytes() == page.read_bytes()


def test_without_the_films_it_has_no_pictures_and_says_why(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "run.jsonl", tmp_path / "run.jsonl")
    parsed = Parsed(api.eval_report(tmp_path / "run.jsonl"))
    assert parsed.count("img") == 0
    assert "no pictures of film0: no film 'film0'" in parsed.text
    shutil.copytree(folder / "film1.movieqa", tmp_path / "film0.movieqa")
    assert "its workspace is not the one that was asked" in Parsed(api.eval_report(tmp_path / "run.jsonl")).text


def test_a_place_that_cannot_be_written_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="this is a folder"):
        api.eval_report(folder / "run.jsonl", output=tmp_path)
    with pytest.raises(EvaluationError, match="it cannot be written"):
        api.eval_report(folder / "run.jsonl", output=tmp_path / "none" / "page.html")
