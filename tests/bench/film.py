"""Makes the film the benchmarks run on: ten minutes of moving photographs whose every cut is known.

The photographs lie inside the scikit-image wheel. Each shot is a view wandering over one of them, with zoom, pan,
camera shake, film grain, things moving through and changes of light; whip pans, knocks against the camera and somebody
walking past close to the lens happen in some, and white flashes in others. A third of the shots look again at the
photograph of the shot before, nearer or from the side, as films do. Shots are joined by hard cuts, dissolves, and fades
through black or white. All of it is drawn from one seed, and encoded with fixed threads, so the same seed gives the
same film. The truth is written beside the film as JSON, in frame numbers.

    python tests/bench/film.py film.mp4 --minutes 10 --seed 7
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE = 1280, 720, 24
PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "ihc.png",
    "camera.png",
    "coins.png",
    "moon.png",
    "gravel.png",
)
_CUTS_A_MINUTE = 10.5
_DISSOLVES_A_MINUTE = 1.2
_FADES_A_MINUTE = 0.8
_GRAIN_TILES = 8

Image = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Gradual:
    """A dissolve or a fade, in frame numbers."""

    kind: str
    first: int
    """First frame that is not all the old shot."""
    last: int
    """First frame that is all the new shot."""


@dataclass(kw_only=True)
class Truth:
    """What is where in the film, in frame numbers."""

    rate: int = RATE
    frames: int = 0
    cuts: list[int] = field(default_factory=list)
    """First frames of new shots."""
    gradual: list[Gradual] = field(default_factory=list)
    flashes: list[list[int]] = field(default_factory=list)
    """First frame, and first frame after, of each flash."""
    whips: list[list[int]] = field(default_factory=list)
    passers: list[list[int]] = field(default_factory=list)
    """Somebody walks past close to the lens."""
    jolts: list[list[int]] = field(default_factory=list)
    """The camera is knocked."""

    def dump(self) -> str:
        """Write the truth as JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read the truth back."""
        content = json.loads(path.read_text())
        return cls(**{**content, "gradual": [Gradual(**entry) for entry in content["gradual"]]})


@cache
def photograph(name: str) -> Image:
    """Return a photograph as UInt8[H, W, 3], its shorter side 640 pixels."""
    picture = cv2.imread(str(Path(skimage.__file__).parent / "data" / name), cv2.IMREAD_COLOR)
    assert picture is not None, f"scikit-image no longer ships {name}"
    scale = 640 / min(picture.shape[:2])
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


@cache
def _grain(strength: int) -> list[NDArray[np.int16]]:
    rng = np.random.default_rng(5)
    tiles = (rng.normal(0, 2 * strength, (HEIGHT + 64, WIDTH + 64)) for _ in range(_GRAIN_TILES))
    return [cv2.GaussianBlur(tile, (3, 3), 0.6).round().astype(np.int16) for tile in tiles]


class MovingShot:
    """One shot: renders any of its frames.

    Args:
        name: The photograph.
        length: Frames, transitions on both sides included.
        rng: Decides everything else.
        near: A shot to stay close to: the same photograph seen nearer or from the side.
    """

    def __init__(self, name: str, length: int, rng: np.random.Generator, near: MovingShot | None = None) -> None:
        self.name = near.name if near else name
        self.length = length
        height, width = photograph(self.name).shape[:2]
        self.scale = (
            near.scale * rng.choice([0.62, 0.72, 1.3]) if near else rng.uniform(0.28, 0.48)
        )  # photograph pixels a film pixel
        self.scale = float(np.clip(self.scale, 0.2, 0.6))
        free = 0.5 - 0.3 * self.scale
        self.center = np.array([width, height]) * rng.uniform(0.5 - free, 0.5 + free, 2)
        if near:
            self.center = near.center + rng.uniform(-90, 90, 2)
        self.drift = rng.normal(0, 0.35, 2) * rng.choice([0, 1, 3], p=[0.35, 0.45, 0.2])
        self.zoom = float(rng.choice([0, rng.uniform(-0.0015, 0.0015), rng.uniform(-0.006, 0.006)], p=[0.4, 0.4, 0.2]))
        self.shake = float(rng.choice([0, 1.2, 4.0], p=[0.4, 0.4, 0.2]))
        wander = rng.normal(0, 1, (length + 1, 2))
        self.wander = cv2.GaussianBlur(wander.astype(np.float64), (1, 9), 1.6)
        self.grain = int(rng.integers(1, 6))
        self.gain = near.gain if near else float(rng.uniform(0.7, 1.15))
        self.tint = near.tint if near else rng.uniform(0.88, 1.12, 3)
        self.breathing = float(rng.choice([0, 0.12], p=[0.8, 0.2]))  # light that swells and sinks
        self.whip: tuple[int, int] | None = None
        self.whip_by = np.zeros(2)
        self.flash: tuple[int, int, float] | None = None
        self.passer: tuple[int, int] | None = None
        self.jolt: tuple[int, int] | None = None
        self.jolt_by = np.zeros(2)
        self.seed = int(rng.integers(1 << 30))
        self.things = [self._thing(rng) for _ in range(int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2])))]

    def _thing(self, rng: np.random.Generator) -> tuple[Image, NDArray[np.float64], NDArray[np.float64]]:
        source = photograph(str(rng.choice(PHOTOGRAPHS)))
        size = int(rng.integers(90, 420))
        top, left = (int(rng.integers(0, max(1, side - size))) for side in source.shape[:2])
        patch = source[top : top + size, left : left + size].copy()
        return patch, rng.uniform([-200, 0], [WIDTH, HEIGHT]), rng.normal(0, 1, 2) * [9, 2]

    def render(self, index: int) -> Image:
        """Return frame `index` as UInt8[720, 1280, 3], blue first."""
        scale = self.scale * float(np.exp(self.zoom * (index - self.length / 2)))
        center = self.center + self.drift * (index - self.length / 2) + self.shake * self.scale * self.wander[index]
        blur = 0
        if self.whip:
            start, stop = self.whip
            along = np.clip((index - start) / (stop - start), 0, 1)
            center = center + self.whip_by * (along * along * (3 - 2 * along))
            blur = 61 if start < index < stop else 0
        if self.jolt and self.jolt[0] <= index < self.jolt[1]:
            center = center + self.jolt_by * scale
        matrix = np.array(
            [[scale, 0, center[0] - scale * WIDTH / 2], [0, scale, center[1] - scale * HEIGHT / 2]], np.float64
        )
        picture = cv2.warpAffine(
            photograph(self.name),
            matrix,
            (WIDTH, HEIGHT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for patch, start_at, speed in self.things:
            _paste(picture, patch, start_at + speed * index)
        if self.passer and self.passer[0] <= index < self.passer[1]:
            start, stop = self.passer
            left = round((index - start + 0.5) / (stop - start) * (WIDTH + 900)) - 900
            cv2.rectangle(picture, (left, 0), (left + 900, HEIGHT), (22, 26, 34), -1)
            picture = cv2.blur(picture, (91, 1))
        if blur:
            picture = cv2.blur(picture, (blur, 1))
        gain = self.gain * (1 + self.breathing * np.sin(index / 9))
        white = 0.0
        if self.flash and self.flash[0] <= index < self.flash[1]:
            white = 255 * self.flash[2]
            gain *= 1 - 0.7 * self.flash[2]
        levels = np.arange(256)[:, None] * (gain * self.tint) + white
        return cv2.LUT(picture, np.clip(levels, 0, 255).astype(np.uint8)[None])

    def grain_at(self, index: int) -> NDArray[np.int16]:
        """Return the frame's grain, Int16[720, 1280]."""
        draw = np.random.default_rng((self.seed, index))
        tile = _grain(self.grain)[int(draw.integers(_GRAIN_TILES))]
        top, left = (int(value) for value in draw.integers(0, 64, 2))
        return tile[top : top + HEIGHT, left : left + WIDTH]


def _paste(picture: Image, patch: Image, at: NDArray[np.float64]) -> None:
    left, top = (round(value) for value in at)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + patch.shape[1], WIDTH), min(top + patch.shape[0], HEIGHT)
    if x0 < x1 and y0 < y1:
        picture[y0:y1, x0:x1] = patch[y0 - top : y1 - top, x0 - left : x1 - left]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A film before it is rendered."""

    shots: list[MovingShot]
    joins: list[tuple[str, int]]
    """How each shot but the first comes in (`cut`, `dissolve`, `black`, `white`), and over how many frames."""
    truth: Truth


def plan_film(minutes: float, seed: int) -> Plan:
    """Draw a film from a seed."""
    rng = np.random.default_rng(seed)
    kinds = ["cut"] * round(_CUTS_A_MINUTE * minutes) + ["dissolve"] * round(_DISSOLVES_A_MINUTE * minutes)
    kinds += [str(rng.choice(["black", "black", "white"])) for _ in range(round(_FADES_A_MINUTE * minutes))]
    rng.shuffle(kinds)
    frames = round(minutes * 60 * RATE)
    joins = [(kind, _join_length(kind, rng)) for kind in kinds]
    shares = rng.gamma(2.0, 1.0, len(kinds) + 1) + 0.25
    own = np.maximum(10, np.floor(shares / shares.sum() * (frames - sum(length for _, length in joins)))).astype(int)
    own[int(own.argmax())] += frames - sum(length for _, length in joins) - int(own.sum())
    truth = Truth(frames=frames)
    shots: list[MovingShot] = []
    at = 0
    for index, length in enumerate(own):
        before = joins[index - 1][1] if index else 0
        after = joins[index][1] if index < len(joins) else 0
        near = shots[-1] if shots and joins[index - 1][0] == "cut" and rng.random() < 0.35 else None
        names = [name for name in PHOTOGRAPHS if not shots or name != shots[-1].name]
        shot = MovingShot(str(rng.choice(names)), before + int(length) + after, rng, near)
        if index:
            kind = joins[index - 1][0]
            if kind == "cut":
                truth.cuts.append(at)
            else:
                name = "dissolve" if kind == "dissolve" else "fade"
                truth.gradual.append(Gradual(kind=name, first=at, last=at + before))
        _add_event(shot, before, int(length), at, rng, truth)
        shots.append(shot)
        at += before + int(length)
    return Plan(shots=shots, joins=joins, truth=truth)


def _join_length(kind: str, rng: np.random.Generator) -> int:
    return {"cut": 0, "dissolve": int(rng.integers(10, 49))}.get(kind, int(rng.integers(16, 61)))


def _add_event(shot: MovingShot, before: int, length: int, at: int, rng: np.random.Generator, truth: Truth) -> None:
    """Let something sudden fall into a shot that is long enough."""
    if length < 60 or rng.random() > 0.45:
        return
    start = before + int(rng.integers(20, length - 35))
    match str(rng.choice(["flash", "whip", "passer", "jolt"], p=[0.4, 0.3, 0.2, 0.1])):
        case "flash":
            stop = start + int(rng.integers(1, 5))
            shot.flash = (start, stop, float(rng.uniform(0.5, 1.0)))
            truth.flashes.append([at + start, at + stop])
        case "whip":
            stop = start + int(rng.integers(6, 12))
            shot.whip = (start, stop)
            shot.whip_by = np.array([rng.choice([-1, 1]) * rng.uniform(200, 420), rng.uniform(-30, 30)])
            truth.whips.append([at + start, at + stop])
        case "passer":
            stop = start + int(rng.integers(7, 16))
            shot.passer = (start, stop)
            truth.passers.append([at + start, at + stop])
        case _:
            stop = start + int(rng.integers(1, 4))
            shot.jolt = (start, stop)
            shot.jolt_by = rng.choice([-1, 1], 2) * rng.uniform(50, 140, 2)
            truth.jolts.append([at + start, at + stop])


def _frames(plan: Plan) -> Iterator[Image]:
    for index, shot in enumerate(plan.shots):
        kind, before = plan.joins[index - 1] if index else ("cut", 0)
        after = plan.joins[index][1] if index < len(plan.joins) else 0
        old = plan.shots[index - 1] if index else shot
        for frame in range(shot.length - after):
            picture, grain = shot.render(frame), shot.grain_at(frame)
            if frame < before:
                share = (frame + 1) / (before + 1)
                picture = _mix(kind, old.render(old.length - before + frame), picture, share)
            planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
            cv2.add(planes[:HEIGHT], grain, dst=planes[:HEIGHT], dtype=cv2.CV_8U)
            yield planes


def _mix(kind: str, old: Image, new: Image, share: float) -> Image:
    if kind == "dissolve":
        return cv2.addWeighted(old, 1 - share, new, share, 0)
    level = 255 if kind == "white" else 0
    # Out in the first 45 hundredths, nothing but the colour for a tenth, in for the rest.
    away, picture = ((share / 0.45), old) if share < 0.5 else ((1 - share) / 0.45, new)
    away = min(1.0, away)
    return cv2.addWeighted(picture, 1 - away, picture, 0, level * away)


def make_film(path: Path, *, minutes: float = 10, seed: int = 7) -> Truth:
    """Render and encode a film, and write its truth beside it as `NAME.truth.json`; a film that is there is kept.

    Args:
        path: The film to write, `.mp4`.
        minutes: Its length.
        seed: Draws it.
    """
    beside = path.with_suffix(".truth.json")
    if path.exists() and beside.exists():
        return Truth.load(beside)
    plan = plan_film(minutes, seed)
    command = [
        *("ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}"),
        *("-r", str(RATE), "-i", "pipe:", "-c:v", "libx264", "-preset", "veryfast", "-b:v", "2500k", "-threads", "2"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "mp4", str(path.with_suffix(".part"))),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        count = 0
        for picture in _frames(plan):
            encoder.stdin.write(picture.tobytes())
            count += 1
        encoder.stdin.close()
    assert encoder.returncode == 0, "ffmpeg could not encode the film"
    assert count == plan.truth.frames, f"{count} frames rendered, {plan.truth.frames} planned"
    path.with_suffix(".part").replace(path)
    beside.write_text(plan.truth.dump())
    return plan.truth


def main() -> None:
    """Make a film from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    truth = make_film(arguments.path, minutes=arguments.minutes, seed=arguments.seed)
    print(f"{truth.frames} frames, {len(truth.cuts)} cuts, {len(truth.gradual)} gradual, {len(truth.flashes)} flashes")


if __name__ == "__main__":
    main()
