"""Our shot detector on pictures made to fool it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode

from movieqa.preprocess.shots import Boundary
from movieqa.preprocess.transitions import TransitionDetector

Picture = NDArray[np.uint8]
RATE = Fraction(24)


def scene(seed: int, *, brightness: float = 1.0, width: int = 400) -> Picture:
    """Draw a picture of blots, wider than the view so that the camera can move over it."""
    rng = np.random.default_rng(seed)
    picture = np.full((72, width, 3), rng.integers(40, 180, 3), np.uint8)
    for _ in range(width // 6):
        center = int(rng.integers(width)), int(rng.integers(72))
        axes = int(rng.integers(3, 22)), int(rng.integers(3, 22))
        cv2.ellipse(picture, center, axes, 0, 0, 360, [int(value) for value in rng.integers(0, 255, 3)], -1)
    return np.clip(picture * brightness, 0, 255).astype(np.uint8)


def hold(seed: int, frames: int, *, pan: float = 0.0, noise: float = 3.0, shake: float = 0.0) -> list[Picture]:
    """Show a scene for a while."""
    rng = np.random.default_rng(seed + 1000)
    wide = scene(seed)
    shown = []
    for index in range(frames):
        left = 100 + pan * index + rng.normal(0, shake)
        moved = cv2.warpAffine(wide, np.array([[1, 0, -left], [0, 1, 0]]), (128, 72), borderMode=cv2.BORDER_REFLECT)
        view = moved + rng.normal(0, noise, (72, 128, 1))
        shown.append(np.clip(view, 0, 255).astype(np.uint8))
    return shown


def blend(old: Sequence[Picture], new: Sequence[Picture]) -> list[Picture]:
    """Dissolve from one run of pictures into another of the same length."""
    count = len(old)
    shares = [(index + 1) / (count + 1) for index in range(count)]
    return [cv2.addWeighted(a, 1 - share, b, share, 0) for a, b, share in zip(old, new, shares, strict=True)]


def through(level: int, old: Sequence[Picture], new: Sequence[Picture], plain: int) -> list[Picture]:
    """Fade out to a grey level, stay there, and fade in."""
    flat = np.full_like(old[0], level)
    out = blend(old, [flat] * len(old))
    return [*out, *[flat] * plain, *blend([flat] * len(new), new)]


def detect(pictures: Sequence[Picture], rate: Fraction = RATE) -> list[Boundary]:
    detector = TransitionDetector(rate)
    found: list[Boundary] = []
    told: list[FrameTimecode] = []
    for number, picture in enumerate(pictures):
        cuts = detector.process_frame(FrameTimecode(number, rate), picture)
        assert all(number - cut.frame_num <= detector.event_buffer_length for cut in cuts)
        told += cuts
        found += detector.take()
    told += detector.post_process(FrameTimecode(len(pictures) - 1, rate))
    found += detector.take()
    assert [cut.frame_num for cut in told] == [boundary.frame for boundary in found]
    assert found == sorted(found)
    return found


def cuts_of(boundaries: Sequence[Boundary]) -> list[int]:
    assert all(boundary.kind == "cut" for boundary in boundaries)
    return [boundary.frame for boundary in boundaries]


@pytest.mark.parametrize("pan", [0.0, 1.0])
@pytest.mark.parametrize("shake", [0.0, 0.5])
def test_finds_hard_cuts_to_the_frame(pan: float, shake: float) -> None:
    pictures = [picture for seed in range(6) for picture in hold(seed, 40 + seed, pan=pan, shake=shake)]
    assert cuts_of(detect(pictures)) == [40, 81, 123, 166, 210]


def test_finds_a_short_shot_between_two_others() -> None:
    assert cuts_of(detect([*hold(1, 40), *hold(2, 6), *hold(3, 40)])) == [40, 46]


@pytest.mark.parametrize("ending", [5, 6, 12])
def test_finds_a_cut_near_the_end(ending: int) -> None:
    assert cuts_of(detect([*hold(1, 40), *hold(2, ending)])) == [40]


@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("level", [0, 255])
def test_a_flash_is_no_cut(length: int, level: int) -> None:
    pictures = hold(1, 80, pan=0.5)
    pictures[40 : 40 + length] = [np.full_like(pictures[0], level)] * length
    assert detect(pictures) == []


def test_a_cut_under_a_flash_is_a_cut() -> None:
    pictures = [*hold(1, 40), *hold(2, 40)]
    pictures[39:41] = [np.full_like(pictures[0], 255)] * 2
    (cut,) = cuts_of(detect(pictures))
    assert 39 <= cut <= 41


def test_a_whip_pan_is_no_cut() -> None:
    wide = scene(1, width=1600)
    lefts = [*[100] * 40, *(100 + 150 * step for step in range(1, 8)), *[1150] * 40]
    pictures = [cv2.blur(wide[:, left : left + 128], (41, 1) if 100 < left < 1150 else (1, 1)) for left in lefts]
    assert detect(pictures) == []


def test_somebody_walking_past_is_no_cut() -> None:
    pictures = hold(1, 90)
    for step in range(10):
        left = -90 + 22 * step
        pictures[40 + step][:, max(0, left) : max(0, left + 90)] = 20
    assert detect(pictures) == []


@pytest.mark.parametrize("length", [10, 24, 44])
@pytest.mark.parametrize("pan", [0.0, 0.6])
def test_finds_dissolves(length: int, pan: float) -> None:
    old, new = hold(1, 60 + length, pan=pan), hold(2, 60 + length, pan=-pan)
    (found,) = detect([*old[:60], *blend(old[60:], new[:length]), *new[length:]])
    assert found.kind == "dissolve"
    assert found.frame == pytest.approx(60 + length / 2, abs=4)
    assert (found.first, found.last) == (pytest.approx(60, abs=7), pytest.approx(60 + length, abs=7))


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("plain", [2, 12])
def test_finds_fades(level: int, plain: int) -> None:
    old, new = hold(1, 76, pan=0.3), hold(2, 76)
    (found,) = detect([*old[:60], *through(level, old[60:], new[:16], plain), *new[16:]])
    assert found.kind == "fade"
    assert found.frame == pytest.approx(60 + 16 + plain / 2, abs=3)
    assert (found.first, found.last) == (pytest.approx(60, abs=4), pytest.approx(92 + plain, abs=4))


def test_after_a_long_darkness_the_shot_begins_as_it_rises() -> None:
    old, new = hold(1, 76), hold(2, 76)
    (found,) = detect([*old[:60], *through(0, old[60:], new[:16], 200), *new[16:]])
    assert found.kind == "fade"
    assert 60 + 16 + 200 <= found.frame <= 60 + 16 + 200 + 16


def test_the_same_picture_through_black_is_no_fade() -> None:
    old = hold(1, 120)
    assert detect([*old[:40], *through(0, old[40:50], old[50:60], 3), *old[60:]]) == []


def test_a_film_that_rises_from_black_has_one_shot() -> None:
    new = hold(1, 100)
    black = [np.zeros_like(new[0])] * 20
    assert detect([*black, *blend([black[0]] * 24, new[:24]), *new[24:]]) == []


def test_cuts_to_and_from_black_are_cuts() -> None:
    black = [np.zeros_like(scene(1)[:, :128])] * 30
    assert cuts_of(detect([*hold(1, 40), *black, *hold(2, 40)])) == [40, 70]


@pytest.mark.parametrize("swing", [0.1, 0.2])
def test_light_that_swells_and_sinks_is_no_transition(swing: float) -> None:
    pictures = [
        np.clip(picture * (0.7 + swing * np.sin(index / 9)), 0, 255).astype(np.uint8)
        for index, picture in enumerate(hold(1, 240, pan=0.8))
    ]
    assert detect(pictures) == []


@pytest.mark.parametrize("shake", [0.0, 0.2, 0.5])
def test_motion_is_no_transition(shake: float) -> None:
    assert detect(hold(1, 240, pan=0.6, shake=shake)) == []


@pytest.mark.parametrize("step", [1, 2, 4])
def test_motion_on_every_third_frame_is_no_transition(step: int) -> None:
    wide = scene(4, width=600)
    lefts = [step * (index // 3) for index in range(240)]
    assert detect([wide[:, left : left + 128] for left in lefts]) == []


def test_still_and_black_films_have_no_boundaries() -> None:
    assert detect([np.zeros((72, 128, 3), np.uint8)] * 100) == []
    assert detect(hold(1, 100, noise=0)) == []


@pytest.mark.parametrize("rate", [Fraction(1), Fraction(10), Fraction(30000, 1001), Fraction(60), Fraction(240)])
def test_works_at_any_rate(rate: Fraction) -> None:
    assert cuts_of(detect([*hold(1, 60), *hold(2, 60)], rate)) == [60]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_works_on_the_shortest_films(count: int) -> None:
    assert detect(hold(1, count)) == []
