"""Film world on disk: whole films, the same every time, resumable, and one clear line for bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pysubs2
import pytest

pytest.importorskip("skia")

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.train.film_world import encoding, synthesis
from movieqa.train.film_world.casting import draw_look
from movieqa.train.film_world.dice import Dice, is_reserved
from movieqa.train.film_world.grammar import Grammar
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.names import draw_names, names_for
from movieqa.train.film_world.questions.wording import WORDING
from movieqa.train.film_world.sound import SAMPLE_RATE, SoundTrack
from movieqa.train.film_world.story.speech import RULES
from movieqa.train.film_world.synthesis import synthesize_film_world

SMALL = {"size": (320, 180), "speaks": False}
TEXTS = ("truth.json", "film.srt", "qa.jsonl")


def pixels_of(path: Path) -> str:
    """Return the digest of all decoded pictures."""
    digest = sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            digest.update(frame.to_ndarray(format="yuv420p").tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def film_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film") / "one"
    synthesize_film_world(seed=4, minutes=0.5, out=folder, **SMALL)
    return folder


def test_a_film_is_whole(film_folder: Path) -> None:
    truth = json.loads((film_folder / "truth.json").read_text())
    with av.open(str(film_folder / "film.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 320, 180)
        assert video.average_rate == 24 and audio.codec_context.name == "aac"
        frames = [frame.pts for frame in container.decode(video=0)]
    assert len(frames) == round(truth["duration"] * 24)
    assert len({after - before for before, after in pairwise(frames)}) == 1
    assert truth["schema"] == "movieqa.film-world/1" and truth["samples"]
    assert not (film_folder / ".parts").exists()
    for person in truth["people"]:
        pictures = sorted(path.name for path in (film_folder / "cast" / person["name"]).iterdir())
        assert pictures == ["1.jpg", "2.jpg", "3.jpg"]


def test_subtitles_match_the_times_of_speech(film_folder: Path) -> None:
    truth = json.loads((film_folder / "truth.json").read_text())
    lines = [event for event in truth["events"] if event["text"]]
    subtitles = pysubs2.load(str(film_folder / "film.srt"))
    assert len(lines) == len(subtitles) > 0
    for line, subtitle in zip(lines, subtitles, strict=True):
        assert abs(line["start"] * 1000 - subtitle.start) <= 1 and abs(line["end"] * 1000 - subtitle.end) <= 1
        assert subtitle.text == line["text"]


def test_there_is_sound_exactly_where_somebody_speaks(film_folder: Path) -> None:
    truth = json.loads((film_folder / "truth.json").read_text())
    with av.open(str(film_folder / "film.mp4")) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = np.abs(np.concatenate(blocks))

    def loudness(start: float, end: float) -> float:
        return float(samples[int(start * SAMPLE_RATE) : int(end * SAMPLE_RATE)].mean())

    lines = [event for event in truth["events"] if event["text"]]
    assert all(loudness(line["start"] + 0.2, line["end"] - 0.2) > 0.02 for line in lines)
    assert loudness(0.0, lines[0]["start"] - 0.2) < 0.003


def test_the_same_seed_gives_the_same_film(film_folder: Path, tmp_path: Path) -> None:
    synthesize_film_world(seed=4, minutes=0.5, out=tmp_path / "again", **SMALL)
    for name in TEXTS:
        assert (tmp_path / "again" / name).read_bytes() == (film_folder / name).read_bytes()
    assert pixels_of(tmp_path / "again" / "film.mp4") == pixels_of(film_folder / "film.mp4")


def test_several_films_by_several_processes_are_the_same(film_folder: Path, tmp_path: Path) -> None:
    made = synthesize_film_world(seed=3, minutes=0.5, out=tmp_path, count=2, jobs=2, **SMALL)
    assert [film.folder.name for film in made] == ["00000003", "00000004"]
    assert (tmp_path / "00000004" / "truth.json").read_bytes() == (film_folder / "truth.json").read_bytes()
    assert pixels_of(tmp_path / "00000004" / "film.mp4") == pixels_of(film_folder / "film.mp4")
    assert (tmp_path / "00000003" / "truth.json").read_bytes() != (film_folder / "truth.json").read_bytes()


def test_an_interrupted_film_goes_on_where_it_stopped(film_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from movieqa.train.film_world import encoding, synthesis; "
        "encoding.PART_SECONDS = 5.0; "
        "synthesis.synthesize_film_world(seed=4, minutes=0.5, out=Path(sys.argv[1]), size=(320, 180), speaks=False)"
    )
    folder = tmp_path / "film"
    child = subprocess.Popen([sys.executable, "-c", code, str(folder)])
    deadline = time.monotonic() + 60
    while not (folder / ".parts" / "00001.mkv").is_file() and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = (folder / ".parts" / "00000.mkv").stat()
    assert not (folder / "film.mp4").exists()
    opened: list[int] = []
    encode = encoding.encode_part

    def watched(film: object, part: encoding.Part, *rest: object, **named: object) -> None:
        opened.append(part.index)
        encode(film, part, *rest, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "PART_SECONDS", 5.0)
        patch.setattr(synthesis, "encode_part", watched)
        synthesize_film_world(seed=4, minutes=0.5, out=folder, **SMALL)
        assert done.st_size > 0 and 0 not in opened and opened
        synthesize_film_world(seed=4, minutes=0.5, out=tmp_path / "undisturbed", **SMALL)
    assert pixels_of(folder / "film.mp4") == pixels_of(tmp_path / "undisturbed" / "film.mp4")
    assert (folder / "truth.json").read_bytes() == (film_folder / "truth.json").read_bytes()


def test_what_is_there_is_kept(film_folder: Path) -> None:
    before = (film_folder / "film.mp4").stat().st_mtime_ns
    made = synthesize_film_world(seed=4, minutes=0.5, out=film_folder, **SMALL)
    assert made[0].was_there and (film_folder / "film.mp4").stat().st_mtime_ns == before


@pytest.mark.parametrize("minutes", [0.0, -3.0, 1e9, float("nan"), float("inf"), 0.01])
def test_impossible_lengths_are_one_clear_line(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(ConfigError, match=r"^a film cannot be .* minutes long; choose 0\.25 to 600 minutes$"):
        synthesize_film_world(seed=1, minutes=minutes, out=tmp_path / "film")
    assert not (tmp_path / "film").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"people": 2}, "cannot have 2 people"),
        ({"people": 100_000}, "more would outrun the names"),
        ({"count": 0}, "count"),
        ({"jobs": 0}, "jobs"),
        ({"seed": -1}, "seed"),
        ({"size": (641, 360)}, "641x360"),
        ({"size": (64, 2000)}, "too narrow"),
        ({"fps": 25}, "fps"),
        ({"split": "dev"}, "split"),
    ],
)
def test_bad_settings_are_one_clear_line(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        synthesize_film_world(**({"seed": 1, "minutes": 1.0, "out": tmp_path / "film"} | settings))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value) and not (tmp_path / "film").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot write there"):
        synthesize_film_world(seed=1, minutes=0.5, out=tmp_path / "file" / "film")
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(ConfigError, match="cannot write there"):
            synthesize_film_world(seed=1, minutes=0.5, out=tmp_path / "closed" / "film")


def test_a_folder_with_something_else_is_left_alone(film_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else"):
        synthesize_film_world(seed=1, minutes=0.5, out=tmp_path)
    with pytest.raises(ConfigError, match="holds another film"):
        synthesize_film_world(seed=5, minutes=0.5, out=film_folder, **SMALL)


def test_a_missing_encoder_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding.av, "codecs_available", {"mpeg4"})
    with pytest.raises(MissingDependencyError, match="no libx264 encoder"):
        synthesize_film_world(seed=1, minutes=0.5, out=tmp_path / "film")
    assert not (tmp_path / "film").exists()


def test_a_missing_graphics_library_is_one_clear_line() -> None:
    code = (
        "import sys; sys.modules['skia'] = None\n"
        "from movieqa.errors import MovieQAError\n"
        "try:\n    import movieqa.train.film_world.synthesis\n"
        "except MovieQAError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.count("\n") == 1 and "movieqa[synthesize]" in done.stdout


def test_more_people_than_names() -> None:
    with pytest.raises(ConfigError, match="more people than names"):
        draw_names(Dice(1), "test", is_woman=[True] * 5000)
    names = draw_names(Dice(1), "test", is_woman=[index % 2 == 0 for index in range(40)])
    assert len(set(names)) == 40


def test_forty_people_fit_into_a_film() -> None:
    film = make_film(seed=2, minutes=2, people=40, split="test")
    assert len({person.name for person in film.people}) == 40


def test_a_voice_that_fails_is_hummed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "espeak-ng"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    film = make_film(seed=4, minutes=0.5)
    track = SoundTrack(film)
    assert track.has_speech
    loud = max(float(np.abs(block.to_ndarray()).max()) for block in track.blocks(0.0, film.duration))
    assert loud > 0.05


def test_train_and_test_share_no_names_faces_or_reserved_words() -> None:
    for women in (True, False):
        train, test = set(names_for("train", women=women)), set(names_for("test", women=women))
        assert not train & test and len(test) > 60
    films = {split: [make_film(seed=seed, minutes=5, split=split) for seed in range(12)] for split in ("train", "test")}

    def all_of(split: str, what: str) -> set[object]:
        pick = {
            "name": lambda film: {person.name for person in film.people},
            "face": lambda film: {
                (person.look.hair, person.look.nose, person.look.skin)
                for person in film.people
                if person.looks_like is None
            },
            "place": lambda film: {place.kind for place in film.places},
            "prop": lambda film: {prop.kind for prop in film.props},
            "plot": lambda film: {family for _, family in film.threads},
        }[what]
        return set().union(*(pick(film) for film in films[split]))

    assert not all_of("train", "name") & all_of("test", "name")
    assert not all_of("train", "face") & all_of("test", "face")
    for what in ("place", "prop", "plot"):
        only_test = all_of("test", what) - all_of("train", what)
        assert only_test, what
        if what != "prop":
            assert not {item for item in all_of("train", what) if is_reserved(what, item)} - {"everyday", "bakery"}


def test_wordings_are_kept_for_test() -> None:
    for rules in (RULES, WORDING):
        train, everything = Grammar(rules, "train"), Grammar(rules, "test")
        said = [
            {grammar.say(Dice(turn), symbol, **dict.fromkeys("abcostpuxyz", "N"), fact="F", did="D", do="D", does="D",
                         part="P", reason="R", bare="B", kin="K", list="L")
             for symbol in rules for turn in range(40)}
            for grammar in (train, everything)
        ]  # fmt: skip
        assert len(said[1] - said[0]) > 20


def test_faces_reserved_for_test_are_never_drawn_for_training() -> None:
    for turn in range(200):
        look = draw_look(Dice("t", turn), "train", is_woman=bool(turn % 2))
        assert not is_reserved("face", look.hair, look.nose, look.skin)


def test_progress_goes_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    synthesize_film_world(seed=1, minutes=0.25, out=tmp_path / "film", progress=True, size=(160, 90), speaks=False)
    captured = capfd.readouterr()
    assert captured.out == "" and "film world" in captured.err
