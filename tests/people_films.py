"""Makes synthetic films of embeddings: who is on screen when, and what a recogniser would see of them.

No pictures, only vectors: they compare algorithms and say nothing of how well a recogniser does on real films. What a
film is like follows the measurements the design of the memory was made with: two hours in shots and scenes, about 95
people of whom some are often and most are seldom seen, one pair of look-alikes, families of people who resemble one
another, 22 % poor tracklets; cosines of one person 0.15 / 0.46 / 0.63 (5, 50, 95 %), of different people 0.49 (99.9 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from movieqa.memory.tracklets import FrameFaces

DIMENSION = 512
_FAMILIES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class PeopleFilm:
    """A film's faces, frame by frame, and the truth.

    Attributes:
        photos: Reference embeddings, Float32[3, E], of the people most often seen, by person.
        people: The person of every face, one array a frame, in the frames' order of faces.
    """

    shots: tuple[tuple[FrameFaces, ...], ...]
    bounds: tuple[tuple[float, float], ...]
    people: tuple[tuple[NDArray[np.int64], ...], ...]
    photos: dict[int, NDArray[np.float32]]
    num_people: int


def make_people_film(
    seed: int, *, seconds: float = 7200.0, has_noise: bool = True, num_named: int = 12, crowd: int | None = None
) -> PeopleFilm:
    """Make a film of embeddings.

    Args:
        seed: The same seed makes the same film.
        seconds: How long it is.
        has_noise: Without it all faces of a person are one vector.
        num_named: How many people have reference pictures.
        crowd: How many are in every shot; by default nobody to three.
    """
    random = np.random.default_rng(seed)
    num_people = int(random.integers(89, 99))
    centres = _centres(random, num_people, is_plain=not has_noise)
    blur = _unit(random.standard_normal(DIMENSION))
    fame = 1 / (np.arange(num_people) + 1.5) ** 0.9
    shots, bounds, people = [], [], []
    time = scene_end = 0.0
    scene: list[int] = []
    light = blur
    unseen = list(range(num_people))
    while time < seconds:
        if time >= scene_end:
            scene_end = time + random.uniform(40, 140)
            size = int(random.integers(2, 6)) if crowd is None else crowd + 2
            scene = [int(one) for one in random.choice(num_people, size=size, replace=False, p=fame / fame.sum())]
            if unseen and random.random() < 0.9:
                scene.append(unseen.pop(int(random.integers(len(unseen)))))
            scene = list(dict.fromkeys(scene))
            light = _unit(random.standard_normal(DIMENSION))
        length = min(float(np.clip(random.lognormal(1.2, 0.6), 1, 25)), seconds - time)
        if length < 0.5:
            break
        usual = int(random.choice(4, p=[0.05, 0.38, 0.33, 0.24]))
        count = min(len(scene), usual if crowd is None else crowd)
        tracks = [
            _track(random, person, centres[person], blur, light, time, length, has_noise)
            for person in random.choice(scene, size=count, replace=False)
        ]
        frames, who = _frames(tracks, time, length)
        shots.append(frames)
        people.append(who)
        bounds.append((time, time + length))
        time += length
    often = np.bincount(np.concatenate([frame for shot in people for frame in shot]), minlength=num_people)
    photos = {
        int(person): _photos(random, centres[person], has_noise)
        for person in np.argsort(-often, kind="stable")[:num_named]
    }
    return PeopleFilm(
        shots=tuple(shots), bounds=tuple(bounds), people=tuple(people), photos=photos, num_people=num_people
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Track:
    person: int
    times: NDArray[np.int64]
    vectors: NDArray[np.float32]
    qualities: NDArray[np.float32]


def _centres(random: np.random.Generator, num_people: int, *, is_plain: bool) -> NDArray[np.float64]:
    own = _unit(random.standard_normal((num_people, DIMENSION)))
    if is_plain:
        return own
    families = _unit(random.standard_normal((_FAMILIES, DIMENSION)))
    kinship = random.uniform(0.48, 0.78, num_people)[:, None]
    family = families[random.integers(0, _FAMILIES, num_people)]
    centres = _unit(np.sqrt(kinship) * family + np.sqrt(1 - kinship) * own)
    centres[2] = _unit(0.85 * centres[1] + 0.53 * own[2])
    return centres


def _track(
    random: np.random.Generator,
    person: int,
    centre: NDArray[np.float64],
    blur: NDArray[np.float64],
    light: NDArray[np.float64],
    start: float,
    length: float,
    has_noise: bool,
) -> _Track:
    first = start + (random.uniform(0, 0.4) * length if random.random() < 0.2 else 0.0)
    times = np.arange(int(np.ceil(first)), int(np.ceil(start + length)))
    times = times[random.random(len(times)) < 0.93]
    is_poor = bool(random.random() < 0.22)
    clear = float(np.clip(random.normal(0.36, 0.12) if is_poor else random.normal(0.725, 0.065), 0.05, 0.9))
    blurred = float(random.uniform(0.2, 0.6)) if is_poor else 0.0
    pose = _unit(random.standard_normal(DIMENSION))
    rest = np.sqrt(max(1 - clear**2 - blurred**2, 0.05))
    noise = _unit(random.standard_normal((len(times), DIMENSION)))
    vectors = (
        clear * centre + blurred * blur + rest * (np.sqrt(0.3) * pose + np.sqrt(0.1) * light + np.sqrt(0.6) * noise)
    )
    quality = random.normal(0.4, 0.08, len(times)) if is_poor else random.normal(0.82, 0.06, len(times))
    if not has_noise:
        vectors = np.tile(centre, (len(times), 1))
    return _Track(
        person=int(person),
        times=times,
        vectors=_unit(vectors).astype(np.float32),
        qualities=np.clip(quality, 0, 1).astype(np.float32),
    )


def _frames(
    tracks: list[_Track], start: float, length: float
) -> tuple[tuple[FrameFaces, ...], tuple[NDArray[np.int64], ...]]:
    """Lay a shot's tracks out as frames; each person keeps a place of their own on screen."""
    frames, people = [], []
    for second in range(int(np.ceil(start)), int(np.ceil(start + length))):
        here = [(place, track, int(np.flatnonzero(track.times == second)[0])) for place, track in enumerate(tracks)
                if second in track.times]  # fmt: skip
        width = 1 / max(len(tracks), 1)
        boxes = [[(place + 0.2) * width, 0.2, (place + 0.8) * width, 0.5] for place, _, _ in here]
        frames.append(
            FrameFaces(
                frame=second,
                time=float(second),
                boxes=np.array(boxes, np.float32).reshape(-1, 4),
                scores=np.ones(len(here), np.float32),
                qualities=np.array([track.qualities[row] for _, track, row in here], np.float32),
                vectors=np.array([track.vectors[row] for _, track, row in here], np.float32).reshape(-1, DIMENSION),
            )
        )
        people.append(np.array([track.person for _, track, _ in here], np.int64))
    return tuple(frames), tuple(people)


def _photos(random: np.random.Generator, centre: NDArray[np.float64], has_noise: bool) -> NDArray[np.float32]:
    noise = _unit(random.standard_normal((3, DIMENSION)))
    photos = 0.62 * centre + (0.785 * noise if has_noise else 0)
    return _unit(photos).astype(np.float32)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)
