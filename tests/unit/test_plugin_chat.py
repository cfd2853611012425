"""Chat messages of other programs become questions about one film, or about pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from movieqa.errors import ConfigError
from movieqa.pictures import PictureQuestion
from movieqa.plugins.chat import FilmQuestion, cut_at, read_messages


def message(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_a_film() -> None:
    parts = ({"type": "video", "url": "a.mp4", "start_time": None, "end_time": 9.5}, text("Who?"), text("A. Ann"))
    assert read_messages(message(*parts)) == FilmQuestion(text="Who?\nA. Ann", film=Path("a.mp4"), until=9.5)


def test_pictures_keep_their_places() -> None:
    drawn = Image.new("RGB", (2, 2))
    found = read_messages(
        message(
            text("Ann is"), {"type": "image", "url": "a.png"}, text("Who <image>?"), {"type": "image", "url": drawn}
        )
    )
    assert isinstance(found, PictureQuestion)
    assert found.text == "Ann is\n<image>\nWho  ?\n<image>"
    assert found.pictures == (Path("a.png"), drawn)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([{"type": "video", "url": "a"}, {"type": "video", "url": "b"}], "one film"),
        ([{"type": "video", "url": "a"}, {"type": "image", "url": "b"}], "one film"),
        ([{"type": "video", "url": [1, 2]}], "path"),
        ([{"type": "video", "url": "a", "start_time": 3.0}], "beginning"),
        ([{"type": "audio", "url": "a"}], "audio"),
    ],
)
def test_what_cannot_be_asked(parts: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_messages(message(*parts, text("?")))


def test_answers_end_at_the_first_stop() -> None:
    assert cut_at("\n\nB. key\n\nmore", ["\n\n", "."]) == "B"
    assert cut_at("key", []) == "key"
