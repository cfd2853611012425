"""The report in a real browser: it looks like something, it can be searched, and hostile text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from movieqa.answer import Answer, Span
from movieqa.movie import CutKind, Shot
from movieqa.report import write_report
from tests.browser import Browser, Page, chromium
from tests.workspaces import make_shots, make_subtitles, make_workspace

LINES = make_subtitles(
    (0.5, 1.5, "Zoë> The book is in the café."),
    (2.5, 3.5, "I don’t know that book."),
    (4.5, 5.5, "Mara> Nothing to see here."),
    (20.5, 21.5, "Mara> Take the BOOK\nto Straße 5."),
)
NUM_SHOTS = 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    kinds: tuple[CutKind, ...] = ("cut", "fade", "cut", "dissolve")
    shots = [
        shot if shot.index == 0 else Shot(index=shot.index, start=shot.start, end=shot.end, kind=kinds[shot.index % 4])
        for shot in make_shots(*range(0, 2 * NUM_SHOTS + 1, 2))
    ]
    folder = tmp_path_factory.mktemp("a folder with spaces & ünïcode #1")
    workspace = make_workspace(folder, shots=shots, subtitles=LINES, size=(320, 180))
    spans = (
        Span(start=20.5, end=21.5, known="heard", score=0.9, quote="Take the BOOK", speaker="Mara", shot=10),
        Span(start=40, end=42, known="seen", score=0.5, shot=20),
    )
    answer = Answer(question="Where does the book go?", text="To Straße 5.", answerer="extractive", spans=spans)
    return write_report(workspace, folder / "film.html", answers=[answer]).as_uri()


def shown(page: Page) -> list[int]:
    """Return the numbers of the shots a reader sees."""
    numbers: list[int] = page.evaluate(
        "[...document.querySelectorAll('.shot')].filter((one) => one.checkVisibility()).map((one) => +one.id.slice(5))"
    )
    return numbers


def text(page: Page, selector: str) -> str:
    found: str = page.evaluate(f"document.querySelector({selector!r}).innerText")
    return found


def marked(page: Page) -> list[str]:
    words: list[str] = page.evaluate("[...document.querySelectorAll('mark')].map((mark) => mark.textContent)")
    return words


def count_near(path: Path, colour: tuple[int, int, int], tolerance: int = 12) -> int:
    """Count the pixels of a screenshot that nearly have a colour."""
    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(1 << 24) or []
    return sum(
        number
        for number, found in colours
        if isinstance(found, tuple) and max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= tolerance
    )


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_the_page_looks_like_a_storyboard(
    browser: Browser, url: str, tmp_path: Path, width: int, height: int, is_dark: bool
) -> None:
    with browser.page(width=width, height=height, is_dark=is_dark) as page:
        page.goto(url)
        page.evaluate("document.getElementById('shot-1').scrollIntoView()")
        path = page.screenshot(tmp_path / "page.png")
        with Image.open(path) as image:
            assert image.size == (width, height)
            assert len(image.convert("RGB").getcolors(1 << 24) or []) > 200
        first = page.evaluate("document.querySelector('rect').getAttribute('fill')")
        red, green, blue = (int(first[at : at + 2], 16) for at in (1, 3, 5))
        assert count_near(path, (red, green, blue)) > 10_000, "the first keyframe is on the screen"
        ground = (0x11, 0x11, 0x14) if is_dark else (0xF4, 0xF3, 0xEF)
        assert count_near(path, ground, tolerance=0) > width * height / 20
        assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out sideways"
        assert page.problems == []
        assert page.requests == [url]


def test_search_filters_marks_and_counts_from_the_keyboard(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(url)
        assert shown(page) == list(range(1, NUM_SHOTS + 1))
        assert text(page, "#count") == "30 shots"
        page.press("/")
        page.type("BOOK")
        assert shown(page) == [1, 2, 11]
        assert marked(page) == ["book", "book", "BOOK"]
        assert text(page, "#count") == "3 shots"
        assert page.evaluate("document.querySelectorAll('rect.off').length") == NUM_SHOTS - 3
        assert page.evaluate("location.hash") == "#q=BOOK"
        assert page.evaluate("document.getElementById('answers').hidden"), "what was found comes first"
        for is_shifted, position, shot in ((False, 1, 1), (False, 2, 2), (False, 3, 11), (False, 1, 1), (True, 3, 11)):
            page.press("Enter", is_shifted=is_shifted)
            assert text(page, "#count") == f"{position} of 3 shots"
            assert page.evaluate("document.querySelector('.here').id") == f"shot-{shot}"
        page.press("Escape")
        assert shown(page) == list(range(1, NUM_SHOTS + 1))
        assert marked(page) == []
        assert page.evaluate("[location.hash, document.activeElement.tagName]") == ["", "BODY"]
        assert text(page, "#shot-11 .lines").endswith("Take the BOOK\nto Straße 5."), "marking leaves the text alone"
        assert page.problems == []


@pytest.mark.parametrize(
    ("asked", "expected", "words"),
    [
        ("cafe", [1], ["café"]),
        ("zoe BOOK", [1], ["Zoë", "book"]),
        ("don't", [2], ["don’t"]),
        ("strase", [], []),
        ("straße", [11], ["Straße"]),
        ("mara", [3, 11], ["Mara", "Mara"]),
        ("book nothing", [], []),
        ("0:21", [11], []),
        ("00:00:41.5", [21], []),
        (".*", [], []),
        ("<b>", [], []),
    ],
)
def test_a_search_can_be_shared_as_an_address(
    browser: Browser, url: str, asked: str, expected: list[int], words: list[str]
) -> None:
    with browser.page() as page:
        page.goto(f"{url}#q={asked.replace('<', '%3C').replace('ß', '%C3%9F')}")
        assert page.evaluate("document.getElementById('query').value") == asked
        assert shown(page) == expected
        assert marked(page) == words
        assert page.evaluate("document.getElementById('none').checkVisibility()") is (not expected)
        assert page.problems == []


def test_a_broken_address_is_searched_as_it_stands(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(f"{url}#q=100%")
        assert shown(page) == []
        page.evaluate("document.getElementById('clear').click()")
        assert len(shown(page)) == NUM_SHOTS
        assert page.problems == []


def test_answers_show_their_shots_and_lead_there(browser: Browser, url: str) -> None:
    with browser.page(height=500) as page:
        page.goto(url)
        links = page.evaluate("[...document.querySelectorAll('.moments a')].map((link) => link.getAttribute('href'))")
        assert links == ["#shot-11", "#shot-21"]
        assert page.evaluate("[...document.querySelectorAll('.moments img')].every((one) => one.naturalWidth === 320)")
        page.evaluate("document.querySelectorAll('.moments a')[1].click()")
        page.wait(lambda: page.evaluate("document.querySelector('.here')?.id") == "shot-21", what="the jump")
        box = page.evaluate("document.getElementById('shot-21').getBoundingClientRect().toJSON()")
        assert 0 <= box["top"] < 500
        page.press("/")
        page.type("book")
        page.evaluate("location.hash = '#shot-21'")
        page.wait(lambda: 21 in shown(page), what="the filter to give way to the link")
        assert page.problems == []


def test_the_timeline_shows_and_jumps(browser: Browser, url: str) -> None:
    with browser.page(width=1000, height=600) as page:
        page.goto(url)
        box = page.evaluate("document.getElementById('strip').getBoundingClientRect().toJSON()")
        x, y = box["left"] + box["width"] * 24.5 / 30, box["top"] + 20
        page.point(x, y)
        assert text(page, "#peek figcaption") == "Shot 25\n00:00:48.000–00:00:50.000"
        assert page.evaluate("document.querySelector('#peek img').src === document.querySelector('#shot-25 img').src")
        page.point(x, y, is_click=True)
        page.wait(lambda: page.evaluate("document.querySelector('.here')?.id") == "shot-25", what="the jump")
        page.point(5, 5)
        assert page.evaluate("document.getElementById('peek').hidden")
        page.evaluate("document.getElementById('strip').focus()")
        page.press("ArrowRight")
        assert page.evaluate("document.getElementById('strip').getAttribute('aria-valuenow')") == "26"
        page.press("End")
        page.press("Enter")
        assert page.evaluate("document.activeElement.id") == "shot-30"
        view = page.evaluate("[document.getElementById('view').style.left, document.getElementById('view').hidden]")
        assert float(view[0].rstrip("%")) > 50 and view[1] is False, "the part on screen is framed"
        assert page.problems == []


def test_what_people_need_is_named_and_has_contrast(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(url)
        unnamed = "[...document.querySelectorAll('.shot img')].filter((image) => !image.alt).length"
        assert page.evaluate(unnamed) == 0
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        named = {(node["role"]["value"], node["name"]["value"]) for node in nodes if "name" in node and "role" in node}
        for role, name in (("searchbox", "Search"), ("slider", "Place in the film"), ("heading", "film.mp4")):
            assert (role, name) in named
        interactive = {"link", "button", "searchbox", "slider"}
        assert all(name for role, name in named if role in interactive)


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_text_is_readable(browser: Browser, url: str, is_dark: bool) -> None:
    names = ("ink", "dim", "accent", "fade", "dissolve")
    with browser.page(is_dark=is_dark) as page:
        page.goto(url)
        read = "getComputedStyle(document.documentElement).getPropertyValue('--{}').trim()"
        grounds = [page.evaluate(read.format(name)) for name in ("ground", "paper")]
        for name in names:
            colour = page.evaluate(read.format(name))
            assert min(contrast(colour, ground) for ground in grounds) >= 4.5, name
        cut = page.evaluate(read.format("cut"))
        assert min(contrast(cut, ground) for ground in grounds) >= 3


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as the Web's accessibility guidelines define it, 1 to 21."""
    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    levels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


HOSTILE = """<script>window.pwned=1</script><img src=x onerror="window.pwned=2"></script><script>pwned=3</script>'">"""


def test_hostile_text_does_not_run_and_asks_for_nothing(browser: Browser, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, subtitles=make_subtitles((0.1, 0.5, f"{HOSTILE}> {HOSTILE}\u202eabc")))
    workspace.video = replace(workspace.video, name=HOSTILE)
    span = Span(start=0, end=1, known="heard", score=1, quote=HOSTILE, speaker=HOSTILE)
    answer = Answer(question=HOSTILE, text=HOSTILE, answerer=HOSTILE, spans=(span,), notes=(HOSTILE,))
    path = write_report(workspace, tmp_path / "hostile '\"<b>#%.html", answers=[answer])
    with browser.page() as page:
        page.goto(f"{path.as_uri()}#q=%3Cscript%3E")
        assert shown(page) == [1]
        assert page.evaluate("typeof window.pwned") == "undefined"
        assert page.evaluate("document.title") == f"{HOSTILE} · storyboard"
        assert text(page, ".lines .words[dir]") == f"{HOSTILE}abc"
        assert page.problems == []
        assert page.requests == [path.as_uri()]


def test_the_policy_stops_what_escaping_might_miss(browser: Browser, tmp_path: Path) -> None:
    path = write_report(make_workspace(tmp_path), tmp_path / "film.html")
    attack = (
        "<script>window.pwned=1</script><img src='https://example.invalid/x' onerror='window.pwned=2'>"
        "<p id=p style='color:rgb(1,2,3)' onclick='window.pwned=3'>x</p><iframe src='data:text/html,x'></iframe>"
    )
    path.write_text(path.read_text(encoding="utf-8").replace("<main>", f"<main>{attack}"), encoding="utf-8")
    with browser.page() as page:
        page.goto(path.as_uri())
        page.evaluate("document.getElementById('p').click()")
        assert page.evaluate("typeof window.pwned") == "undefined"
        assert page.evaluate("getComputedStyle(document.getElementById('p')).color") != "rgb(1, 2, 3)"
        assert shown(page) == [1, 2, 3], "the page's own script still runs"
        assert sum("Content Security Policy" in problem for problem in page.problems) >= 4


def test_the_page_prints_every_shot(browser: Browser, url: str) -> None:
    with browser.page() as page:
        page.goto(url)
        pdf = page.print_pdf()
        assert pdf.startswith(b"%PDF-")
        assert 1 < pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") < 12
        assert pdf.count(b"/Subtype /Image") > 0
