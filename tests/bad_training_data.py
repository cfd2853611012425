"""Training data that is wrong, one kind after another, and what is to be said about each."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.training_data import film_features, noise_clip, said, write_picture

Record = dict[str, Any]
ASKED = said("<image>\nWho runs?", "Mara does.")


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Something that is wrong with a record.

    Attributes:
        record: The record.
        says: A part of the line about it.
        write: Puts what it names into a folder.
        settings: That it is wrong with.
        is_late: Whether it is found only when the medium is read.
    """

    record: Record
    says: str
    write: Callable[[Path], object] = lambda folder: None
    settings: dict[str, Any] | None = None
    is_late: bool = False


def asked(**record: Any) -> Record:
    """Return a record with a question about what it names."""
    return {"conversations": ASKED, **record}


def write_film(path: Path, num_frames: int = 3, text: str = "<image>Run!<image><image>Now... or never") -> Path:
    """Write a film as LongVideoQA publishes them: features, and a text with one mark a frame."""
    path.write_bytes(pickle.dumps({"feats": film_features(num_frames), "inputs": text}))
    return path


def save_features(path: Path) -> Path:
    """Write features of three frames."""
    np.save(path, film_features(3))
    return path


def shorten(path: Path, num_bytes: int) -> None:
    """Leave the first bytes of a file."""
    data = path.read_bytes()
    assert len(data) > num_bytes
    path.write_bytes(data[:num_bytes])


def nan_film(folder: Path) -> None:
    """Write features with a number that is none."""
    features = film_features(3)
    features[1, 2, 3] = np.nan
    np.save(folder / "x.npy", features)


META = {"duration": 10.0, "token": {"<s0>": 1.0, "<e0>": 14.0}}
BAD = {
    "missing picture": Bad(record=asked(image="no.png"), says="no.png is missing"),
    "missing film": Bad(record=asked(video="tt9.pkl"), says="tt9.pkl is missing"),
    "leads up": Bad(record=asked(image="../a.png"), says="'../a.png' leads out of the media folders"),
    "absolute": Bad(record=asked(image="/etc/passwd"), says="'/etc/passwd' leads out of the media folders"),
    "through a link": Bad(
        record=asked(image="link/passwd"),
        says="link/passwd' leads out of the media folders",
        write=lambda folder: (folder / "link").symlink_to("/etc"),
    ),
    "no name": Bad(record=asked(image=7), says="image is no name of a file"),
    "features of VTimeLLM": Bad(
        record=asked(video="x.npy"),
        says="x.npy: features of shape [100, 768] have one vector a frame, and this model reads 65 rows of 32",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((100, 768), np.float16)),
    ),
    "narrow features": Bad(
        record=asked(video="x.npy"),
        says="x.npy: features of shape [4, 65, 16] are not this model's: its frames have 65 rows of 32",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((4, 65, 16), np.float16)),
    ),
    "features of no frame": Bad(
        record=asked(video="x.npy"),
        says="x.npy: features of shape [0, 65, 32] are not this model's",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((0, 65, 32), np.float16)),
    ),
    "more features than the file holds": Bad(
        record=asked(video="x.npy"),
        says="x.npy: no readable features",
        write=lambda folder: shorten(save_features(folder / "x.npy"), 2000),
    ),
    "half a pickle": Bad(
        record=asked(video="x.pkl"),
        says="x.pkl: no readable features",
        write=lambda folder: shorten(write_film(folder / "x.pkl"), 2000),
    ),
    "half a video": Bad(
        record=asked(video="b.mkv"),
        says="b.mkv: cannot be read",
        write=lambda folder: shorten(noise_clip(folder / "b.mkv"), 300),
    ),
    "half an archive": Bad(
        record=asked(image="tt0000001/a.jpg"),
        says="tt0000001.tar: no archive of pictures that can be read",
        write=lambda folder: (folder / "tt0000001.tar").write_bytes(b"a.jpg" + b"\0" * 300),
    ),
    "a folder for a picture": Bad(
        record=asked(image="x.png"), says="x.png is missing", write=lambda folder: (folder / "x.png").mkdir()
    ),
    "a pipe for a picture": Bad(
        record=asked(image="x.png"), says="x.png is missing", write=lambda folder: os.mkfifo(folder / "x.png")
    ),
    "no class token": Bad(
        record=asked(video="x.npy"),
        says="its frames have 65 rows of 32",
        write=lambda folder: np.save(folder / "x.npy", np.zeros((4, 64, 32), np.float16)),
    ),
    "pickled objects": Bad(
        record=asked(video="x.npy"),
        says="x.npy: no readable features",
        write=lambda folder: np.save(folder / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True),
    ),
    "a program in a pickle": Bad(
        record=asked(video="x.pkl"),
        says="x.pkl: no readable features",
        write=lambda folder: (folder / "x.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR."),
    ),
    "broken safetensors": Bad(
        record=asked(video="x.safetensors"),
        says="x.safetensors: no readable features",
        write=lambda folder: (folder / "x.safetensors").write_bytes(b"\xff" * 100),
    ),
    "frames without text": Bad(
        record=asked(video="x.pkl"),
        says="features of 3 frames and text for 1",
        write=lambda folder: write_film(folder / "x.pkl", text="<image>alone"),
    ),
    "text longer than the film": Bad(
        record=asked(video="b.mkv", inputs="<image>" * 9),
        says="its text has 9 frames, at 1 a second, and the film 4.0 s",
        write=lambda folder: noise_clip(folder / "b.mkv"),
    ),
    "no video": Bad(
        record=asked(video="b.mkv"),
        says="b.mkv: cannot be read (Invalid data found when processing input)",
        write=lambda folder: (folder / "b.mkv").write_text("no video"),
    ),
    "damaged workspace": Bad(
        record=asked(video="film.movieqa"),
        says="manifest",
        write=lambda folder: (folder / "film.movieqa").mkdir(),
    ),
    "empty answer": Bad(record={"conversations": said("Who?", "  ")}, says="turn 2 is an empty answer"),
    "no answer": Bad(record={"conversations": said("Who?")}, says="the conversation does not end with an answer"),
    "no conversation": Bad(record={"id": 1}, says="no conversation"),
    "twice the user": Bad(
        record={"conversations": [*said("Who?"), *said("Who?", "Mara.", "Why?")]},
        says="turn 2 is the user's",
    ),
    "unknown speaker": Bad(record={"conversations": said("Who?", "Mara.", gpt="bot")}, says="turn 2 is said by 'bot'"),
    "no text": Bad(record={"conversations": [{"from": "human", "value": 3}]}, says="turn 1 has no text"),
    "not shown": Bad(record={"image": "a.png", "conversations": said("Who?", "Mara.")}, says="no question shows"),
    "shown twice": Bad(
        record={"image": "a.png", "conversations": said("<image><image>Who?", "Mara.")},
        says="turn 1 has 2 frame marks for one picture",
    ),
    "nothing to show": Bad(
        record={"conversations": ASKED}, says="<image> in a record that names neither image nor video"
    ),
    "shown in an answer": Bad(
        record={"image": "a.png", "conversations": said("<image>Who?", "<image>")},
        says="turn 2 is an answer with a frame mark in it",
        write=lambda folder: write_picture(folder / "a.png"),
    ),
    "two media": Bad(record=asked(image="a.png", video="b.mkv"), says="the record names an image and a video"),
    "a film in two turns": Bad(
        record={"video": "tt1.pkl", "conversations": said("<image>Who?", "Mara.", "<image>Why?", "So.")},
        says="a film stands once, in the first question; found <image> in 2 questions",
    ),
    "two turns where one is allowed": Bad(
        record={"image": "a.png", "conversations": said("<image>Who?", "Mara.", "Why?", "So.")},
        says="2 turns and 2 media where the plain template takes one of each",
        write=lambda folder: write_picture(folder / "a.png"),
        settings={"template": "plain"},
    ),
    "a time beyond the end": Bad(
        record={"conversations": said("<video>When?", "From <s0> to <e0>."), "video": "b.mkv", "meta": META},
        says="<e0> is at 14 s of a video of 10 s",
    ),
    "an unknown symbol of time": Bad(
        record={"conversations": said("<video>When?", "From <s0> to <e7>."), "video": "b.mkv", "meta": META},
        says="<e7> is a symbol of time that meta.token does not know",
    ),
    "times that are none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"token": {"<s0>": "soon"}}},
        says="meta.token must give seconds by symbol",
    ),
    "a duration that is none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"duration": -1}}, says="meta.duration=-1"
    ),
    "a part that is none": Bad(
        record={"conversations": said("<video>When?", "Now."), "meta": {"duration": 5, "split": [9, 4]}},
        says="a stretch from 9 to 4 seconds is none",
    ),
    "a part after the end": Bad(
        record={
            "conversations": said("<video>When?", "Now."),
            "video": "b.mkv",
            "meta": {"duration": 5, "split": [9, 14]},
        },
        says="its part begins at 9 s of a video of 4 s",
        write=lambda folder: noise_clip(folder / "b.mkv"),
    ),
    "an img that does not end": Bad(
        record={"conversations": said("Mara is <img>a.png", "Yes.", human="user", gpt="assistant")},
        says="an <img> that does not end",
    ),
    "a question that is too long": Bad(
        record={"conversations": said("Who? " * 500, "Mara.")}, says="nothing to learn is left within 2048"
    ),
    "an empty picture": Bad(
        record=asked(image="a.png"),
        says="a.png: no picture that can be read",
        write=lambda folder: (folder / "a.png").write_bytes(b""),
        is_late=True,
    ),
    "a broken picture": Bad(
        record=asked(image="a.png"),
        says="a.png: no picture that can be read",
        write=lambda folder: (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken"),
        is_late=True,
    ),
    "half a picture": Bad(
        record=asked(image="a.png"),
        says="a.png: the picture is damaged",
        write=lambda folder: shorten(write_picture(folder / "a.png"), 900),
        is_late=True,
    ),
    "half a JPEG": Bad(
        record=asked(image="a.jpg"),
        says="a.jpg: the picture is damaged",
        write=lambda folder: shorten(write_picture(folder / "a.jpg", size=(80, 60)), 900),
        is_late=True,
    ),
    "a picture that unfolds": Bad(
        record=asked(image="a.png"),
        says="a.png: a picture of 9000x9000 pixels is too large",
        write=lambda folder: Image.new("1", (9_000, 9_000)).save(folder / "a.png"),
        is_late=True,
    ),
    "features that are not finite": Bad(
        record=asked(video="x.npy"),
        says="x.npy: features of frames 0 and on hold numbers that are not finite",
        write=nan_film,
        is_late=True,
    ),
}


def place(record: Record, folder: str) -> Record:
    """Return a record that names what lies in a folder of the media folder."""
    names = {key: record[key] for key in ("image", "video") if isinstance(record.get(key), str)}
    return {**record, **{key: f"{folder}/{name}" for key, name in names.items() if not name.startswith(("/", ".."))}}
