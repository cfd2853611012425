"""The people on the report's page in a real browser: a glance on hover, a jump on click, all from the keyboard too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from movieqa.memory.cast import name_person
from movieqa.memory.people import find_people
from movieqa.report import write_report
from tests.browser import Browser, Page, chromium
from tests.casts import make_cast
from tests.people_workspaces import COLOURS, make_people_workspace, make_provider
from tests.workspaces import make_workspace

HOSTILE = """<img src=x onerror="window.pwned=1"></script><script>window.pwned=2</script>'">"""
SCENES = ({"red": 3}, {"red": 3, "green": 12}, {}, {"green": 8}, {"red": 3}, {"blue": 6}, {"blue": 6, "red": 12})
"""Red is Mara, green bears a hostile name, blue is person 3; each shot lasts three seconds."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("film")
    workspace = find_people(make_people_workspace(folder, SCENES), make_provider(folder / "models"))
    workspace = name_person(name_person(workspace, "1", "Mara"), "2", HOSTILE)
    return write_report(workspace, folder / "film.html").as_uri()


def box_of(page: Page, selector: str) -> dict[str, float]:
    page.evaluate(f"document.querySelector({selector!r}).scrollIntoView({{ block: 'center' }})")
    box: dict[str, float] = page.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
    return box


def point(page: Page, person: int, time: float, *, is_click: bool = False) -> None:
    """Point at a moment, in seconds, of a person's line."""
    box = box_of(page, f"#person-{person} .lane")
    page.point(box["left"] + box["width"] * time / 21, box["top"] + box["height"] / 2, is_click=is_click)


def shown(page: Page, selector: str) -> list[str]:
    ids: list[str] = page.evaluate(
        f"[...document.querySelectorAll({selector!r})].filter((one) => one.checkVisibility()).map((one) => one.id)"
    )
    return ids


def text(page: Page, selector: str) -> str:
    found: str = page.evaluate(f"document.querySelector({selector!r}).innerText")
    return found


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_everybody_is_on_the_page(
    browser: Browser, url: str, tmp_path: Path, width: int, height: int, is_dark: bool
) -> None:
    with browser.page(width=width, height=height, is_dark=is_dark) as page:
        page.goto(url)
        page.evaluate("document.getElementById('people').scrollIntoView()")
        assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out sideways"
        path = page.screenshot(tmp_path / "people.png")
        with Image.open(path) as image:
            pixels = image.convert("RGB").getcolors(1 << 24) or []
        faces = sum(
            count
            for count, colour in pixels
            if isinstance(colour, tuple) and max(abs(a - b) for a, b in zip(colour, COLOURS["red"], strict=True)) < 40
        )
        assert faces > 200, "Mara's face, which is a red square, is on the screen"
        stroke = page.evaluate("getComputedStyle(document.querySelector('#person-1 .lane path')).stroke")
        colour = tuple(int(part) for part in stroke.removeprefix("rgb(").rstrip(")").split(","))
        assert sum(count for count, found in pixels if found == colour) > 500, "so is the line of when she is there"
        assert page.evaluate("typeof window.pwned") == "undefined"
        assert page.problems == [] and page.requests == [url]


def test_pointing_at_a_line_shows_the_moment_and_clicking_goes_there(browser: Browser, url: str) -> None:
    with browser.page(width=1000, height=800) as page:
        page.goto(url)
        point(page, 1, 13.0)
        assert text(page, "#peek figcaption") == "00:00:13 · shot 5\nMara"
        assert page.evaluate("document.querySelector('#peek img').src === document.querySelector('#shot-5 img').src")
        peek, lane = box_of_peek(page), box_of(page, "#person-1 .lane")
        assert peek["left"] >= 0 and peek["right"] <= 1000 and peek["top"] >= 0 and peek["bottom"] <= 800
        assert peek["bottom"] <= lane["top"] or peek["top"] >= lane["bottom"], "the line stays in sight"
        point(page, 2, 4.5)
        assert text(page, "#peek figcaption") == f"00:00:04 · shot 2\nMara, {HOSTILE}"
        point(page, 3, 7.5)
        assert text(page, "#peek figcaption") == "00:00:07 · shot 3\nnobody known"
        point(page, 3, 14.95)  # a hair before blue comes in
        assert text(page, "#peek figcaption") == "00:00:15 · shot 6\nperson 3"
        point(page, 3, 16.5, is_click=True)
        page.wait(lambda: page.evaluate("document.querySelector('.here')?.id") == "shot-6", what="the jump")
        page.point(5, 5)
        assert page.evaluate("document.getElementById('peek').hidden")
        assert page.problems == []


def box_of_peek(page: Page) -> dict[str, float]:
    box: dict[str, float] = page.evaluate("document.getElementById('peek').getBoundingClientRect().toJSON()")
    return box


def test_a_line_is_stepped_through_from_the_keyboard(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(url)
        page.evaluate("document.querySelector('#person-1 .lane').focus()")
        value = "document.activeElement.getAttribute('aria-valuetext')"
        for key, said in (
            ("ArrowRight", "00:00:00, shot 1"),
            ("ArrowRight", "00:00:12, shot 5"),
            ("End", "00:00:18, shot 7"),
        ):
            page.press(key)
            assert page.evaluate(value) == said
        page.press("Enter")
        assert page.evaluate("document.activeElement.id") == "shot-7"
        named = {
            (node["role"]["value"], node["name"]["value"])
            for node in page.call("Accessibility.getFullAXTree")["nodes"]
            if "name" in node and "role" in node
        }
        assert ("slider", "When Mara is on screen") in named and ("heading", "Mara") in named


def test_a_person_is_searched_by_name(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(url)
        page.evaluate("document.querySelector('#person-1 .about a').click()")
        page.wait(lambda: shown(page, ".shot") == ["shot-1", "shot-2", "shot-5", "shot-7"], what="Mara's shots")
        assert shown(page, ".person") == ["person-1"] and text(page, "#count") == "4 shots"
        for asked, found in (
            ("@person", ["shot-6", "shot-7"]),
            ("@person 33", []),
            ("@", ["shot-1", "shot-2", "shot-4", "shot-5", "shot-6", "shot-7"]),
        ):
            page.evaluate("document.getElementById('query').select()")
            page.type(asked)
            assert shown(page, ".shot") == found, asked
        page.press("Escape")
        assert len(shown(page, ".shot")) == len(SCENES) and len(shown(page, ".person")) == 3
        page.press("/")
        page.type("MARA")
        assert shown(page, ".shot") == ["shot-1", "shot-2", "shot-5", "shot-7"], "names on the cards are words too"
        assert not page.evaluate("document.getElementById('people').checkVisibility()"), "what was found comes first"
        assert page.problems == []


def test_a_crowd_is_shown_on_request(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path)
    cast = make_cast(workspace, {f"Extra {number}": [number % 3] for number in range(15)})
    monkeypatch.setattr("movieqa.report.has_cast", lambda _: True)
    monkeypatch.setattr("movieqa.report.load_cast", lambda _: cast)
    path = write_report(workspace, tmp_path / "film.html")
    with browser.page() as page:
        page.goto(path.as_uri())
        assert len(shown(page, ".person")) == 12 and text(page, "#everybody") == "Show all 15 people"
        page.evaluate("document.getElementById('everybody').click()")
        assert len(shown(page, ".person")) == 15 and shown(page, "#everybody") == []
        assert page.evaluate("document.activeElement.closest('.person').dataset.label") == "Extra 12"
        assert page.problems == []
    with browser.page() as page:
        page.goto(f"{path.as_uri()}#person-15")
        assert "person-15" in shown(page, ".person"), "who is linked to is shown"
        assert page.problems == []
