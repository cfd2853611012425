"""Benchmarks' own subtitle files as SubRip: on the film's clock, found by the readers, read by other programs."""

from __future__ import annotations

import json
from pathlib import Path

import pysubs2
import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.benchmarks import read_samples
from movieqa.eval.timed_lines import TimedLine, as_subtitles, write_srt_files
from tests.benchmark_files import WRITERS, write_json, write_lines


def test_lines_of_long_video_bench_become_subtitles_of_the_film(tmp_path: Path) -> None:
    source = WRITERS["longvideobench"](tmp_path)
    lines = [
        {"timestamp": [1.0, 12.0], "text": "Before the film."},
        {"timestamp": [12.0, 14.0], "text": "Take it."},
        {"timestamp": [20.5, None], "text": "I will."},
    ]
    write_json(tmp_path / "subtitles" / "k1_en.json", lines)
    samples = read_samples(source)
    assert samples[0].subtitles is None
    (written,) = write_srt_files(samples, tmp_path)
    cues = [(cue.start, cue.end, cue.plaintext) for cue in pysubs2.load(str(written))]
    assert cues == [(0, 1500, "Take it."), (8000, 62500, "I will.")]
    assert {sample.subtitles for sample in read_samples(source)} == {"subtitles/k1_en.srt"}


def test_words_of_video_mme_v2_become_lines(tmp_path: Path) -> None:
    source = WRITERS["video-mme-v2"](tmp_path)
    words = [
        {"text": word, "start_time": start, "end_time": start + 0.4}
        for word, start in [("Take", 0.0), ("it.", 0.5), ("Now.", 9.0)]
    ]
    write_lines(tmp_path / "subtitle" / "007.jsonl", *words)
    (written,) = write_srt_files(read_samples(source), tmp_path)
    assert [cue.plaintext for cue in pysubs2.load(str(written))] == ["Take it.", "Now."]
    assert read_samples(source)[0].subtitles == "subtitle/007.srt"


def test_words_are_joined_only_so_far() -> None:
    words = [TimedLine(start=0.5 * number, end=0.5 * number + 0.4, text="word", is_word=True) for number in range(40)]
    joined = as_subtitles(words)
    assert " ".join(line.text for line in joined).split() == ["word"] * 40
    assert all(line.end - line.start <= 6 and len(line.text) <= 84 for line in joined) and len(joined) > 3
    backward = [words[3], words[1]]
    assert len(as_subtitles(backward)) == 2


def test_lines_without_length_keep_a_moment() -> None:
    (line,) = as_subtitles([TimedLine(start=5.0, end=4.0, text="a")])
    assert line.start == 5.0 < line.end < 5.1


def test_other_samples_are_passed_over(tmp_path: Path) -> None:
    assert write_srt_files(read_samples(WRITERS["mf2"](tmp_path)), tmp_path) == ()


@pytest.mark.parametrize("name", ["../k1_en.json", "/k1_en.json", "."])
def test_nothing_is_written_outside_the_folder(name: str, tmp_path: Path) -> None:
    source = WRITERS["longvideobench"](tmp_path)
    record = json.loads((tmp_path / "lvb_val.json").read_text())[0]
    write_json(tmp_path / "lvb_val.json", [{**record, "subtitle_path": name, "video_path": name}])
    samples = read_samples(source)
    assert samples[0].film == name and samples[0].subtitles is None
    with pytest.raises(EvaluationError, match="is outside the folder"):
        write_srt_files(samples, tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    samples = read_samples(WRITERS["longvideobench"](tmp_path))
    with pytest.raises(EvaluationError, match=r"k1_en\.json: cannot be read"):
        write_srt_files(samples, tmp_path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    samples = read_samples(WRITERS["longvideobench"](tmp_path))
    write_json(tmp_path / "k1_en.json", [{"timestamp": [13, 14], "text": "a"}])
    (tmp_path / "k1_en.srt").mkdir()
    with pytest.raises(EvaluationError, match=r"k1_en\.srt: cannot be written"):
        write_srt_files(samples, tmp_path)
