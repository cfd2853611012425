"""Hearing a film: real sound through real ffmpeg, into a recogniser with the signature of faster-whisper 1.2.1.

No weights are shipped, so the recogniser is a stand-in; what it is handed, and what is made of its answer, is real.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from movieqa.errors import ConfigError, MissingDependencyError, SubtitleError
from movieqa.preprocess import transcribe
from movieqa.preprocess.probe import probe
from movieqa.preprocess.subtitles import SubtitleConfig, read_subtitles
from movieqa.preprocess.transcribe import SpeechModel, transcribe_film

RATE = 16_000


@dataclass
class Segment:
    """What is used of faster_whisper.transcribe.Segment."""

    start: float
    end: float
    text: str
    avg_logprob: float


class LoudnessModel:
    """Hears a word wherever the sound is loud, and remembers what it was asked."""

    asked: list[dict[str, Any]]
    supported_languages: list[str]

    def __init__(
        self,
        model_size_or_path: str,
        device: str = "auto",
        device_index: int = 0,
        compute_type: str = "default",
        cpu_threads: int = 0,
        num_workers: int = 1,
        download_root: str | None = None,
        local_files_only: bool = False,
    ) -> None:
        if model_size_or_path.endswith("broken"):
            raise RuntimeError("Unable to open file 'model.bin'\nin model")
        self.loaded = {"path": model_size_or_path, "local_files_only": local_files_only}
        self.asked = []
        self.supported_languages = ["en", "fr", "de"]
        LoudnessModel.last = self

    last: LoudnessModel

    def transcribe(
        self,
        audio: NDArray[np.float32],
        language: str | None = None,
        *,
        beam_size: int = 5,
        temperature: float | list[float] = 0.0,
        vad_filter: bool = False,
        condition_on_previous_text: bool = True,
    ) -> tuple[Iterator[Segment], SimpleNamespace]:
        self.asked.append({"samples": len(audio), "language": language, "temperature": temperature})
        assert audio.dtype == np.float32 and audio.ndim == 1 and np.abs(audio).max(initial=0) <= 1
        facts = SimpleNamespace(language="fr", language_probability=0.875)
        return self._hear(audio), facts

    def _hear(self, audio: NDArray[np.float32]) -> Iterator[Segment]:
        edges = np.flatnonzero(np.diff(self._is_loud(audio).astype(np.int8), prepend=0, append=0))
        for number, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
            yield Segment(
                start=start / 100, end=end / 100, text=f"  mot {number} ", avg_logprob=-2.5 if number == 2 else -2.0
            )

    @staticmethod
    def _is_loud(audio: NDArray[np.float32]) -> NDArray[np.bool_]:
        hundredths = audio[: len(audio) // 160 * 160].reshape(-1, 160)
        return np.asarray(np.abs(hundredths).max(axis=1) > 0.05)


@pytest.fixture
def recogniser(monkeypatch: pytest.MonkeyPatch) -> type[LoudnessModel]:
    """Put the stand-in where faster-whisper would be imported from."""
    module = ModuleType("faster_whisper")
    module.__spec__ = importlib.util.spec_from_loader("faster_whisper", loader=None)
    module.WhisperModel = LoudnessModel  # type: ignore[attr-defined]
    module.available_models = lambda: ["tiny", "small"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return LoudnessModel


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a film of eight seconds that sounds at 1, 3, 5 and 7 s, half a second each; its pictures begin at 0.5."""
    folder = tmp_path_factory.mktemp("sound")
    sound = "aevalsrc='0.5*sin(2*PI*440*t)*lt(mod(t,2)-1,0.5)*gte(mod(t,2),1)':d=8:s=44100"
    steps = (
        ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=8", "-f", "lavfi", "-i", sound, "-c:v", "libx264", "-c:a", "flac",
         "-preset", "ultrafast", folder / "even.mkv"),
        ("-itsoffset", "0.5", "-i", folder / "even.mkv", "-i", folder / "even.mkv", "-map", "0:v", "-map", "1:a",
         "-map", "1:a", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fre", "-c", "copy",
         folder / "film.mkv"),
        ("-i", folder / "even.mkv", "-an", "-c", "copy", folder / "silent.mkv"),
    )  # fmt: skip
    for step in steps:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, step)], check=True, timeout=60)
    return folder / "film.mkv"


def test_words_are_heard_where_the_film_sounds(film: Path, tmp_path: Path, recogniser: type[LoudnessModel]) -> None:
    model = tmp_path / "my-model"
    model.mkdir()
    progress: list[float] = []
    result = read_subtitles(
        film, probe(film), tmp_path, SubtitleConfig(transcribe=str(model)), on_progress=progress.append
    )
    assert result.source == "speech recognition (my-model)"
    assert [(line.start, line.text, line.source) for line in result.subtitles] == [
        (pytest.approx(0.5, abs=0.03), "mot 0", result.source),
        (pytest.approx(2.5, abs=0.03), "mot 1", result.source),
        (pytest.approx(6.5, abs=0.03), "mot 3", result.source),
    ], "the pictures begin half a second after the sound, and the unlikely third word is left out"
    assert result.notes == (
        "speech recognition (my-model): language heard: fr (probability 0.88)",
        "speech recognition (my-model): 1 unlikely segments left out",
    )
    assert progress == sorted(progress) and progress[-1] == 1.0
    assert recogniser.last.loaded == {"path": str(model), "local_files_only": True}
    assert recogniser.last.asked[0]["temperature"] == 0.0


def test_a_long_film_is_heard_in_pieces_parted_where_it_is_quiet(
    film: Path, recogniser: type[LoudnessModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = probe(film)
    whole = transcribe_film(film, video, SpeechModel(path_or_name="tiny"))
    monkeypatch.setattr(transcribe, "_PIECE", int(3.3 * RATE))
    monkeypatch.setattr(transcribe, "_SEAM", 2 * RATE)
    pieces = transcribe_film(film, video, SpeechModel(path_or_name="tiny"))
    assert len(recogniser.last.asked) >= 3
    assert [asked["language"] for asked in recogniser.last.asked[:2]] == [None, "fr"]
    assert sum(asked["samples"] for asked in recogniser.last.asked) == pytest.approx(8 * RATE, rel=0.01)
    likely = [cue.start for cue in whole.cues]
    assert [cue.start for cue in pieces.cues if any(abs(cue.start - time) < 0.02 for time in likely)] == pytest.approx(
        likely, abs=0.02
    ), "no word is cut or lost at a seam"


def test_the_sound_in_the_language_asked_for_is_heard(film: Path, recogniser: type[LoudnessModel]) -> None:
    video = probe(film)
    transcribe_film(film, video, SpeechModel(path_or_name="tiny"), language="fr")
    assert recogniser.last.asked[0]["language"] == "fr"
    transcribe_film(film, video, SpeechModel(path_or_name="tiny"), language="de")
    assert recogniser.last.asked[0]["language"] is None, "the sound is tagged with other languages"


def test_a_language_the_model_does_not_know_is_refused(film: Path, recogniser: type[LoudnessModel]) -> None:
    silent_about_it = film.with_name("even.mkv")
    with pytest.raises(ConfigError, match="tiny: does not know the language it"):
        transcribe_film(silent_about_it, probe(silent_about_it), SpeechModel(path_or_name="tiny"), language="it")


def test_a_film_without_sound_is_told(film: Path, tmp_path: Path, recogniser: type[LoudnessModel]) -> None:
    silent = film.with_name("silent.mkv")
    result = read_subtitles(silent, probe(silent), tmp_path, SubtitleConfig(transcribe="tiny"))
    assert result.source == "none"
    assert result.notes == (
        "speech recognition (tiny): no sound to transcribe",
        "speech recognition (tiny): nothing was heard",
    )


def test_subtitles_come_before_hearing(film: Path, tmp_path: Path) -> None:
    sidecar = tmp_path / "given.srt"
    sidecar.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    config = SubtitleConfig(files=(sidecar,), transcribe="/nowhere")
    assert read_subtitles(film, probe(film), tmp_path, config).source == "given.srt"


def test_a_language_that_is_not_there_is_heard_instead(
    film: Path, tmp_path: Path, recogniser: type[LoudnessModel]
) -> None:
    copy = tmp_path / "film.mkv"
    copy.write_bytes(film.read_bytes())
    copy.with_suffix(".de.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHallo\n")
    result = read_subtitles(copy, probe(copy), tmp_path, SubtitleConfig(language="fr", transcribe="tiny"))
    assert result.source == "speech recognition (tiny)"


@pytest.mark.skipif(importlib.util.find_spec("faster_whisper") is not None, reason="faster-whisper is installed")
def test_without_faster_whisper_the_way_to_get_it_is_told(film: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError) as error:
        read_subtitles(film, probe(film), tmp_path, SubtitleConfig(transcribe="tiny"))
    assert 'pip install "movieqa[asr]"' in str(error.value)
    with pytest.raises(ConfigError, match="no such model folder"):
        read_subtitles(film, probe(film), tmp_path, SubtitleConfig(transcribe="./no-such-folder"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/model", "/no/such/model: no such model folder"),
        ("models/whisper/tiny", "no such model folder"),
        ("enormous", "enormous: no such model; give a folder, or one of tiny, small"),
        ("someone/broken", r"the model cannot be loaded \(Unable to open file 'model\.bin' in model\)"),
    ],
)
def test_a_model_that_is_not_there_is_told(
    film: Path, recogniser: type[LoudnessModel], name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        transcribe_film(film, probe(film), SpeechModel(path_or_name=name))


def test_a_file_is_no_model(film: Path, recogniser: type[LoudnessModel]) -> None:
    with pytest.raises(ConfigError, match="no such model folder"):
        transcribe_film(film, probe(film), SpeechModel(path_or_name=str(film)))


def test_another_model_makes_the_step_stale_and_a_moved_one_does_not(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder / "model").mkdir(parents=True)
        (tmp_path / folder / "model" / "model.bin").write_bytes(b"weights")
    here, there = (SpeechModel(path_or_name=str(tmp_path / folder / "model")) for folder in ("a", "b"))
    before = here.depends_on()
    assert before == there.depends_on()
    (tmp_path / "a" / "model" / "model.bin").write_bytes(b"other weights")
    assert here.depends_on() != before


def test_sound_that_stops_coming_is_told(
    film: Path, recogniser: type[LoudnessModel], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    video = probe(film)
    lazy = tmp_path / "ffmpeg"
    lazy.write_text("#!/bin/sh\nexec sleep 60\n")
    lazy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(transcribe, "_STALL", 0.2)
    with pytest.raises(SubtitleError, match="no sound came"):
        transcribe_film(film, video, SpeechModel(path_or_name="tiny"))
    lazy.write_text("#!/bin/sh\necho 'sound is broken' >&2\nexit 1\n")
    with pytest.raises(SubtitleError, match=r"ffmpeg cannot read its sound \(sound is broken\)"):
        transcribe_film(film, video, SpeechModel(path_or_name="tiny"))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(MissingDependencyError, match="ffmpeg is not installed"):
        transcribe_film(film, video, SpeechModel(path_or_name="tiny"))
