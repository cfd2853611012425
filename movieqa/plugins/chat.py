"""Other programs' chat messages as movieqa asks: one film with a question, or pictures with a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movieqa.errors import ConfigError
from movieqa.pictures import PictureQuestion
from movieqa.prompt import FRAME_MARK


@dataclass(frozen=True, kw_only=True)
class FilmQuestion:
    """A question about one film."""

    text: str
    film: Path
    until: float | None = None
    """End of the part that is asked about, in seconds."""


def read_messages(messages: Sequence[Mapping[str, Any]]) -> FilmQuestion | PictureQuestion:
    """Return what is asked; the texts of all messages are joined, in order.

    Args:
        messages: With `role` and `content`, a list of parts of type `text`, `image` or `video`. A video's `url` is a
            path, an image's a path or a PIL picture.

    Raises:
        ConfigError: There are several videos, videos beside pictures, sound, or what is no path.

    Example:
        >>> part = {"type": "text", "text": "Who runs?"}
        >>> read_messages([{"role": "user", "content": [{"type": "video", "url": "a.mp4"}, part]}])
        FilmQuestion(text='Who runs?', film=PosixPath('a.mp4'), until=None)
    """
    texts: list[str] = []
    pictures: list[Any] = []
    videos: list[Mapping[str, Any]] = []
    for part in (part for message in messages for part in message["content"]):
        kind = part["type"]
        if kind == "text":
            texts.append(str(part["text"]).replace(FRAME_MARK, " "))
        elif kind == "image":
            pictures.append(part["url"])
            texts.append(FRAME_MARK)
        elif kind == "video":
            videos.append(part)
        else:
            raise ConfigError(f"movieqa reads no {kind} messages", hint="give text, pictures or one film")
    if not videos:
        return PictureQuestion(text="\n".join(texts), pictures=tuple(_as_picture(picture) for picture in pictures))
    if len(videos) > 1 or pictures:
        raise ConfigError("movieqa answers about one film at a time, without further pictures")
    video = videos[0]
    if not isinstance(video["url"], str | Path):
        raise ConfigError("a film must come as the path of a file")
    if video.get("start_time"):
        raise ConfigError("movieqa reads a film from its beginning", hint="cut the part out, or leave start_time away")
    return FilmQuestion(text="\n".join(texts), film=Path(video["url"]), until=video.get("end_time"))


def cut_at(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of some stops; a stop at the very beginning is passed over.

    Example:
        >>> cut_at("B\\n\\nBecause", ["\\n\\n"])
        'B'
    """
    text = text.lstrip()
    ends = [place for stop in stops if stop and (place := text.find(stop)) > 0]
    return text[: min(ends)] if ends else text


def _as_picture(picture: Any) -> Any:
    return Path(picture) if isinstance(picture, str) else picture
