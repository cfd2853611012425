"""Key frames in archives, as MovieNet publishes them: read where they lie, whatever else is in the archive."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from movieqa.train.data.archives import in_order, open_archive
from movieqa.train.data.builders.identity import build_identity
from movieqa.train.data.config import DataConfig
from movieqa.train.data.pictures import read_picture
from movieqa.train.data.sample import SampleError
from movieqa.train.data.training_set import open_training_set
from tests.tiny_checkpoint import tiny_processor
from tests.training_data import open_records, said, write_movienet_film, write_picture, write_records

FILM = "tt0000001"


def jpeg(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **more: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in more.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def write_archive(path: Path, names: list[str], folder: str = f"{FILM}/") -> Path:
    with tarfile.open(path, "w") as archive:
        for number, name in enumerate(names):
            add(archive, f"{folder}{name}", jpeg(number))
    return path


def test_a_picture_of_an_archive_is_that_picture(tmp_path: Path) -> None:
    names = ["shot_0001_img_0.jpg", "shot_0000_img_1.jpg", "shot_0000_img_0.jpg"]
    write_archive(tmp_path / f"{FILM}.tar", names)
    record = {"image": f"{FILM}/{names[1]}", "conversations": said("<image>\nWho?", "Mara.")}
    packed = open_records(tmp_path, [record])[0]
    (tmp_path / "other" / FILM).mkdir(parents=True)
    (tmp_path / "other" / FILM / names[1]).write_bytes(jpeg(1))
    loose = open_records(tmp_path / "other", [record])[0]
    assert packed.media[0].pixels is not None and loose.media[0].pixels is not None
    assert packed.media[0].pixels.equal(loose.media[0].pixels)
    assert list(open_archive(tmp_path / f"{FILM}.tar").members) == names[::-1]


def test_two_pictures_of_one_archive_are_two(tmp_path: Path) -> None:
    """Frames are shared between turns by where they lie: an archive is not one place."""
    write_archive(tmp_path / f"{FILM}.tar", ["a.jpg", "b.jpg"])
    text = f"Mara is <img>{FILM}/a.jpg</img>\n In the image: <img>{FILM}/b.jpg</img>\n Who?"
    data = open_records(tmp_path, [{"conversations": said(text, "Mara.", human="user", gpt="assistant")}])
    first, second = data[0].media
    assert first.pixels is not None and second.pixels is not None and not first.pixels.equal(second.pixels)


def test_only_ordinary_pictures_are_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        add(archive, "link.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "hard.jpg", type=tarfile.LNKTYPE, linkname="good.jpg")
        add(archive, "fifo.jpg", type=tarfile.FIFOTYPE)
        add(archive, "/absolute.jpg", jpeg())
        add(archive, "../up.jpg", jpeg())
        add(archive, "deep/../../up.jpg", jpeg())
        add(archive, "._good.jpg", b"\0" * 99)
        add(archive, "notes.txt", b"no picture")
        add(archive, "empty.jpg")
        add(archive, "folder.jpg", type=tarfile.DIRTYPE)
        add(archive, "x" * 300 + ".jpg", jpeg())
        add(archive, "good.jpg", b"replaced")
        add(archive, "./good.jpg", jpeg())
    assert list(open_archive(path).members) == ["good.jpg"]
    assert read_picture(path, "good.jpg").size == (40, 30)


def half(path: Path) -> None:
    write_archive(path, ["a.jpg", "b.jpg"])
    path.write_bytes(path.read_bytes()[:6000])


def without_end(path: Path) -> None:
    write_archive(path, ["a.jpg"])
    path.write_bytes(path.read_bytes()[: 512 + len(jpeg()) - 1])


def noise_between(path: Path) -> None:
    """Overwrite the second header: tarfile alone would take it for the end."""
    write_archive(path, ["a.jpg", "b.jpg"])
    data = bytearray(path.read_bytes())
    start = 512 + -(-len(jpeg()) // 512) * 512
    data[start : start + 512] = b"\x55" * 512
    path.write_bytes(data)


def endless_header(path: Path) -> None:
    """Claim a name of eight gigabytes, in a file that has them."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("././@LongLink")
        info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 << 30
        archive.fileobj.write(info.tobuf(tarfile.GNU_FORMAT))  # type: ignore[union-attr]
    with path.open("r+b") as file:
        file.truncate(9 << 30)


def zipped(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "a.jpg", jpeg())


DAMAGED = {
    "half": (half, "it breaks off"),
    "without its end": (without_end, "it breaks off"),
    "noise between": (noise_between, "damaged at byte 4608"),
    "a name without end": (endless_header, "a header that is too long"),
    "compressed": (zipped, "invalid header"),
    "text": (lambda path: path.write_text("no archive " * 99), "invalid header"),
    "nothing": (lambda path: path.write_bytes(b""), "empty file"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_archive_is_one_line(tmp_path: Path, name: str) -> None:
    write, reason = DAMAGED[name]
    write(tmp_path / f"{FILM}.tar")
    record = {"image": f"{FILM}/a.jpg", "conversations": said("<image>\nWho?", "Mara.")}
    tracemalloc.start()
    data = open_records(tmp_path, [record, {"conversations": said("a", "b")}], max_bad=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [bad.reason for bad in data.bad] == [f"{FILM}.tar: no archive of pictures that can be read ({reason})"]
    assert peak < 30 << 20


def test_what_an_archive_does_not_hold_is_missing(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / f"{FILM}.tar", ["a.jpg"])
    record = {"image": f"{FILM}/b.jpg", "conversations": said("<image>\nWho?", "Mara.")}
    data = open_records(tmp_path, [record, {"conversations": said("a", "b")}], max_bad=1)
    assert data.bad[0].reason == f"{FILM}/b.jpg is missing"
    with pytest.raises(SampleError, match=r"holds no picture b\.jpg"):
        open_archive(archive).read("b.jpg")


def test_key_frames_are_in_the_order_of_the_film() -> None:
    names = ["shot_10000_img_0.jpg", "shot_0002_img_1.jpg", "shot_0002_img_0.jpg", "shot_9999_img_2.jpg"]
    assert in_order(names) == [names[2], names[1], names[3], names[0]]


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_a_film_of_key_frames_needs_no_features(tmp_path: Path, kind: str) -> None:
    write_movienet_film(tmp_path, FILM)
    names = [f"shot_{shot:04d}_img_{number}.jpg" for shot, number in ((0, 0), (0, 1), (1, 0), (2, 0))]
    if kind == "archive":
        write_archive(tmp_path / f"{FILM}.tar", names)
    else:
        (tmp_path / FILM).mkdir()
        for number, name in enumerate(names):
            (tmp_path / FILM / name).write_bytes(jpeg(number))
        (tmp_path / FILM / "z.jpg").symlink_to(tmp_path / FILM / names[0])
    record = {"id": 1, "video": FILM, "conversations": said("<image>\nWho runs?", "Mara.")}
    data = open_records(tmp_path, [record])
    assert data.samples[0].format == "film" and data.samples[0].num_frames == 4
    (film,) = data[0].media
    assert film.pixels is not None and film.pixels.shape == (4, 3, 112, 112)
    still = {"image": f"{FILM}/{names[2]}", "conversations": said("<image>\nW?", "M.")}
    third = open_records(tmp_path, [still], pad_pictures=False)  # frames of films are cropped
    assert third[0].media[0].pixels is not None and film.pixels[2].equal(third[0].media[0].pixels[0])


def test_key_frames_and_table_must_agree(tmp_path: Path) -> None:
    write_movienet_film(tmp_path, FILM)
    write_archive(tmp_path / f"{FILM}.tar", ["shot_0000_img_0.jpg", "shot_0001_img_0.jpg"])
    record = {"video": FILM, "conversations": said("<image>\nWho runs?", "Mara.")}
    data = open_records(tmp_path, [record, {"conversations": said("a", "b")}], max_bad=1)
    assert data.bad[0].reason == f"{FILM}: 2 key frames and text for 4"
    (tmp_path / "shot" / f"{FILM}.txt").unlink()
    data = open_records(tmp_path, [record, {"conversations": said("a", "b")}], max_bad=1)
    assert data.bad[0].reason == f"{FILM}: neither the record (`inputs`) nor a file tells the text of the film"


def test_the_builder_reads_frames_from_archives(tmp_path: Path) -> None:
    """The same records come of archives as of folders, and the training set reads them."""
    people = [(0, "nm1"), (1, "nm2"), (20, "nm1"), (21, "nm2")]
    bodies = [
        {"shot_idx": shot, "img_idx": 0, "resolution": [160, 90], "pid": person, "body": {"bbox": [10, 0, 140, 90]}}
        for shot, person in people
    ]
    for left, person in ((0, "nm1"), (80, "nm2")):
        box = {"bbox": [left, 0, left + 70, 90]}
        bodies.append({"shot_idx": 40, "img_idx": 0, "resolution": [160, 90], "pid": person, "body": box})
    for part, content in (
        ("annotation", {"cast": bodies}),
        ("meta", {"cast": [{"id": "nm1", "character": "Mara"}, {"id": "nm2", "character": "Otto"}]}),
    ):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"{FILM}.json").write_text(json.dumps(content))
    names = [f"shot_{shot:04d}_img_0.jpg" for shot in (0, 1, 20, 21, 40)]
    (tmp_path / "packed").mkdir()
    write_archive(tmp_path / "packed" / f"{FILM}.tar", names)
    for number, name in enumerate(names):
        write_picture(tmp_path / "loose" / FILM / name, seed=number, size=(160, 90))
    built = [
        build_identity("movienet", tmp_path, images=tmp_path / images, out=tmp_path / f"of-{images}")
        for images in ("packed", "loose")
    ]
    assert built[0].num_records == 1 and built[0].path.read_bytes() == built[1].path.read_bytes()
    processor = tiny_processor()
    config = DataConfig(files=(built[0].path,), media=(tmp_path / "packed",))
    data = open_training_set(config, processor, processor.config)
    assert data[0].num_learned > 0 and data.bad == () and len(data[0].media) == 3


def test_a_table_that_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures are kept between runs; lines that became longer must not be cut to the old length."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("movieqa.train.data.measures._LEAST_SAMPLES", 1)
    write_movienet_film(tmp_path, FILM)
    write_archive(tmp_path / f"{FILM}.tar", [f"shot_{shot:04d}_img_0.jpg" for shot in range(4)])
    file = write_records(tmp_path / "data.json", [{"video": FILM, "conversations": said("<image>\nWho?", "Mara.")}])
    processor = tiny_processor()
    config = DataConfig(files=(file,))
    before = open_training_set(config, processor, processor.config)
    subtitles = tmp_path / "subtitle" / f"{FILM}.srt"
    subtitles.write_text(subtitles.read_text().replace("Run", "Run as fast as you can"))
    after = open_training_set(config, processor, processor.config)
    assert after.lengths[0] > before.lengths[0]
    assert after[0].num_learned > 0
