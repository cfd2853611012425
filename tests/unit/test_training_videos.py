"""Training videos: what is on screen at given times, decoded in a child that can be killed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from movieqa.train.data.sample import SampleError
from movieqa.train.data.videos import VideoDecoder
from tests import clips
from tests.training_data import noise_clip, write_clip


def test_a_video_is_sampled_by_the_second(tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "film.mp4")
    decoder = VideoDecoder()
    facts = decoder.facts(clip)
    assert facts.duration == pytest.approx(6.0, abs=0.1) and facts.rate == pytest.approx(24)
    pictures = list(decoder.pictures(clip, [0.0, 1.0, 2.0, 2.0, 5.99]))
    assert [picture.shape for picture in pictures] == [(180, 320, 3)] * 5
    assert np.array_equal(pictures[2], pictures[3])
    assert not np.array_equal(pictures[1], pictures[2])
    decoder.close()


def test_pictures_are_those_on_screen(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (12, 32, 48, 3), dtype=np.uint8)
    clip = write_clip(tmp_path / "a.mkv", pixels, rate=4)
    decoder = VideoDecoder()
    shown = list(decoder.pictures(clip, [0.0, 0.24, 0.25, 1.1, 2.99]))
    for picture, frame in zip(shown, [0, 0, 1, 4, 11], strict=True):
        assert np.array_equal(picture, pixels[frame])
    decoder.close()


def test_far_pictures_are_sought(tmp_path: Path) -> None:
    """Key frames are four seconds apart; the pictures are those that decoding everything gives."""
    clip = clips.plain(tmp_path / "film.mp4", size="64x48", rate=12, seconds=60)
    decoder = VideoDecoder()
    every = list(decoder.pictures(clip, [float(second) for second in range(60)]))
    wanted = [0, 1, 13, 14, 40, 59]
    for picture, second in zip(decoder.pictures(clip, [float(second) for second in wanted]), wanted, strict=True):
        assert np.array_equal(picture, every[second]), second
    (late,) = decoder.pictures(clip, [47.0])
    assert np.array_equal(late, every[47])
    decoder.close()


def test_a_decoder_that_hangs_is_killed(tmp_path: Path) -> None:
    fifo = tmp_path / "a.mkv"
    os.mkfifo(fifo)
    decoder = VideoDecoder(stall_seconds=1.5)
    with pytest.raises(SampleError, match=r"its decoder hung and was stopped after 1\.5 s"):
        decoder.facts(fifo)
    clip = noise_clip(tmp_path / "b.mkv")
    decoder = VideoDecoder()
    assert decoder.facts(clip).num_frames == 4, "the next video gets a new decoder"
    decoder.close()
