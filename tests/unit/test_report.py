"""The report's page, read as a parser reads it: what is in it, what is escaped, how large it gets."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from movieqa.answer import Answer, Span
from movieqa.errors import WorkspaceError
from movieqa.movie import Shot
from movieqa.picture import embed_picture
from movieqa.report import write_report
from tests.workspaces import make_shots, make_subtitles, make_workspace

HOSTILE = """</script></style><script>alert(1)</script><img src=x onerror="alert(2)">'"&lt;]]>--> {{ 7*7 }}"""


class Parsed(HTMLParser):
    """A page's elements, and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.blocks: dict[str, list[str]] = {"style": [], "script": [], "title": []}
        self.text = ""
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag if tag in self.blocks else self._inside

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.blocks[self._inside].append(data)
        else:
            self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [attrs for name, attrs in self.tags if name == tag and wanted.items() <= attrs.items()]


def parse(path: Path) -> Parsed:
    return Parsed(path.read_text(encoding="utf-8"))


def test_a_page_shows_the_film_its_shots_and_its_lines(tmp_path: Path) -> None:
    shots = (
        *make_shots(0, 2.5),
        Shot(index=1, start=2.5, end=70, kind="dissolve", transition=1.2),
        Shot(index=2, start=70, end=72, kind="cut"),
    )
    lines = make_subtitles((0.5, 1.5, "Mara> Where is\nthe key?"), (2.3, 4.0, "In the boathouse."))
    workspace = make_workspace(tmp_path, shots=shots, subtitles=lines)
    page = parse(write_report(workspace, tmp_path / "film.html"))
    assert [shot["id"] for shot in page.all("li", class_="shot")] == ["shot-1", "shot-2", "shot-3"]
    assert len(page.all("img", loading="lazy", decoding="async")) == 3
    text = " ".join(page.text.split())
    for told in ("film.mp4", "00:01:12.000", "64 × 48", "25 fps", "1.0 kB", "24.0 s", "1 dissolve", "dissolve 1.2 s"):
        assert told in text
    assert "Mara Where is the key? 2 " in text
    halfway = "00:00:02.500–00:01:10.000 1 min 8 s 00:00:02.300 In the boathouse."
    assert halfway in text, "a line belongs to the shot that is on screen halfway through it"


def test_pictures_travel_inside_the_page_and_nothing_else_is_asked_for(tmp_path: Path) -> None:
    page = parse(write_report(make_workspace(tmp_path), tmp_path / "film.html"))
    for attrs in page.all("img"):
        assert attrs.get("src", "data:").startswith("data:")
    linked = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("href", "action", "srcset")]
    assert all(value.startswith(("#", "data:")) for value in linked)
    picture = page.all("img", loading="lazy")[0]
    data = base64.b64decode(picture["src"].removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (int(picture["width"]), int(picture["height"])) == (64, 48)
    assert "url(" not in page.blocks["style"][0]


def test_the_policy_names_exactly_the_pages_own_style_and_script(tmp_path: Path) -> None:
    page = parse(write_report(make_workspace(tmp_path), tmp_path / "film.html"))
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy["content"].split(";"))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (block,) = page.blocks[tag]
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    none = "'none'"
    assert rules == {"default-src": none, "img-src": "data:", "base-uri": none, "form-action": none}
    assert not any(name.startswith("on") or name == "style" for _, attrs in page.tags for name in attrs)


def test_hostile_text_is_text_wherever_it_stands(tmp_path: Path) -> None:
    lines = make_subtitles((0.1, 0.5, f"{HOSTILE}> {HOSTILE}"))
    workspace = make_workspace(tmp_path, subtitles=lines, name="film.mp4")
    workspace.video = replace(workspace.video, name=HOSTILE)
    span = Span(start=0, end=1, known="heard", score=1, quote=HOSTILE, speaker=HOSTILE)
    answer = Answer(question=HOSTILE, text=HOSTILE, answerer=HOSTILE, spans=(span,), notes=(HOSTILE,))
    path = write_report(workspace, tmp_path / "film.html", answers=[answer])
    page, harmless = parse(path), parse(write_report(make_workspace(tmp_path, name="b.mp4"), tmp_path / "b.html"))
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert page.blocks["script"] == harmless.blocks["script"]
    assert not any("onerror" in attrs or attrs.get("src") == "x" for _, attrs in page.tags)
    assert page.text.count(HOSTILE) >= 8
    assert page.blocks["title"][0].startswith(HOSTILE)
    assert "49" not in re.sub(r"[\d.:]{4,}", "", page.text), "film text is no template"


def test_control_and_direction_characters_are_taken_out(tmp_path: Path) -> None:
    lines = make_subtitles((0.1, 0.5, "gnp\u202eexe\u2066.\x00\x1b[31m\x85 \ud800 שלום\u200f"))
    workspace = make_workspace(tmp_path)
    workspace.subtitles = lines
    text = parse(write_report(workspace, tmp_path / "film.html")).text
    assert "gnpexe.[31m \N{REPLACEMENT CHARACTER} שלום\u200f" in text
    assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b\x85")


def test_answers_link_to_the_shots_that_prove_them(tmp_path: Path) -> None:
    span = Span(start=2.5, end=3.0, known="not found", score=0.4, quote="It is here.", speaker="Otto")
    answer = Answer(question="Where?", text="Here.", answerer="extractive", spans=(span,), until=4.0, seconds=1.25)
    path = write_report(make_workspace(tmp_path), tmp_path / "film.html", answers=[answer])
    page = parse(path)
    assert page.all("img", **{"data-shot": "2"})
    text = " ".join(page.text.split())
    assert "00:00:02.500–00:00:03.000 not found shot 2 Otto: It is here." in text
    assert "knowing the film up to 00:00:04.000" in text
    assert page.all("path", class_="proof")[0]["d"] == "M416.67 1.5H500.00"
    again = write_report(make_workspace(tmp_path), tmp_path / "b.html", answers=[replace(answer, seconds=9.0)])
    assert again.read_bytes() == path.read_bytes()


def test_the_timeline_has_a_bar_a_shot_in_the_colour_of_its_picture(tmp_path: Path) -> None:
    page = parse(write_report(make_workspace(tmp_path, shots=make_shots(0, 1, 4)), tmp_path / "film.html"))
    bars = page.all("rect")
    assert [(bar["x"], bar["width"]) for bar in bars] == [("0.00", "250.00"), ("250.00", "750.00")]
    red, green, blue = (int(bars[0]["fill"][at : at + 2], 16) for at in (1, 3, 5))
    assert red > green and red > blue, "the first shot of such a workspace is red"
    assert page.all("path", class_="tick kind-cut")[0]["d"] == "M250.00 29V33"


def test_the_same_workspace_gives_the_same_bytes(tmp_path: Path) -> None:
    lines = make_subtitles((0.5, 1.5, "Hello."), (2.5, 3.5, "Mara> Again."))
    first = write_report(make_workspace(tmp_path, subtitles=lines), tmp_path / "1.html").read_bytes()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = make_workspace(tmp_path / "elsewhere", subtitles=lines)
    assert write_report(elsewhere, tmp_path / "elsewhere" / "2.html").read_bytes() == first
    assert str(tmp_path).encode() not in first


def test_notes_of_the_steps_are_told(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    entry = replace(workspace.manifest.steps["scan"], notes=("the film breaks off at <5 s",))
    workspace.manifest = replace(workspace.manifest, steps={**workspace.manifest.steps, "scan": entry})
    text = " ".join(parse(write_report(workspace, tmp_path / "film.html")).text.split())
    assert "(1) scan the film breaks off at <5 s" in text


@pytest.mark.parametrize("content", [None, b"", b"GIF89a not a jpeg"], ids=["missing", "empty", "another format"])
def test_a_keyframe_that_cannot_be_read_is_named_and_the_old_page_stays(tmp_path: Path, content: bytes | None) -> None:
    workspace = make_workspace(tmp_path)
    path = tmp_path / "film.html"
    path.write_text("the old page")
    keyframe = workspace.path / "keyframes" / "0002.jpg"
    keyframe.unlink()
    if content is not None:
        keyframe.write_bytes(content)
    with pytest.raises(
        WorkspaceError, match=r"0002\.jpg: damaged .*; rebuild it with: movieqa preprocess FILM --force"
    ):
        write_report(workspace, path)
    assert path.read_text() == "the old page"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["film.html", "film.movieqa"]


def test_a_truncated_keyframe_is_an_error_and_no_grey_picture(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, size=(640, 360))
    keyframe = workspace.path / "keyframes" / "0001.jpg"
    keyframe.write_bytes(keyframe.read_bytes()[:-400])
    with pytest.raises(WorkspaceError, match=r"0001\.jpg: damaged"):
        write_report(workspace, tmp_path / "film.html")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="nowhere"):
        write_report(workspace, tmp_path / "nowhere" / "film.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(WorkspaceError, match=r"folder\.html"):
        write_report(workspace, tmp_path / "folder.html")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    folder = tmp_path / "closed"
    folder.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_report(workspace, folder / "film.html")


def test_a_film_without_lines_or_with_tall_pictures_has_a_page(tmp_path: Path) -> None:
    page = parse(write_report(make_workspace(tmp_path, size=(48, 96)), tmp_path / "film.html"))
    assert "Linesnone" in " ".join(page.text.split())
    assert page.blocks["style"][0].startswith(":root{--aspect:1.0000}")
    assert not page.all("span", class_="key-spoken")


def noise(width: int, height: int, seed: int = 0) -> bytes:
    """Draw the JPEG that compresses worst."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("share", [13_000, 40_000])
def test_a_picture_keeps_within_its_share_even_when_it_is_noise(share: int) -> None:
    picture = embed_picture(noise(854, 480), max_bytes=share)
    assert len(picture.url) <= share * 4 / 3 + 30
    assert max(picture.width, picture.height) >= 160


@pytest.mark.parametrize("side", [9_000, 60_000])
def test_a_small_file_that_claims_a_huge_picture_is_refused(side: int) -> None:
    data = bytearray(noise(16, 16))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2
    with pytest.raises(ValueError, match="too large"):
        embed_picture(bytes(data), max_bytes=10_000)


def test_a_smooth_picture_is_kept_sharp() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 854, dtype=np.uint8)[None, :, None], (480, 854, 3))
    buffer = io.BytesIO()
    Image.fromarray(ramp.copy()).save(buffer, "JPEG")
    assert embed_picture(buffer.getvalue(), max_bytes=100_000).width == 480


def test_two_thousand_pictures_of_noise_stay_under_forty_megabytes(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(*(5.4 * index for index in range(2001))), num_frames=10)
    worst = noise(854, 480)
    for shot in workspace.shots[::100]:
        (workspace.path / workspace.keyframe(shot)).write_bytes(worst)
    page = write_report(workspace, tmp_path / "film.html").read_text(encoding="utf-8")
    longest = max(len(url) for url in re.findall(r'src="(data:image/jpeg[^"]+)"', page))
    beside_pictures = len(re.sub(r'src="data:image/jpeg[^"]+"', "", page))
    assert beside_pictures + 2000 * longest < 40_000_000
