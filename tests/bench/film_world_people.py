"""Scores shots and people of film-world films, found by the project itself, against the films' own truth.

Every film is made and preprocessed as a user would do it, its people found by the provider `classical`, once without
and once with the pictures of its own cast; then every face is compared with `truth.json`. It prints Markdown:

    python -m tests.bench.film_world_people --seeds 300,301,302,303 --minutes 12
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from movieqa import api
from movieqa.errors import ConfigError
from movieqa.eval.identity import NOBODY, bcubed, cross_gap_recall, idf1, named_score
from movieqa.identity import Cast
from movieqa.memory.classical import ClassicalProvider
from movieqa.memory.references import check_faces
from movieqa.workspace import Workspace

from .film_world_cuts import score_cuts

_INSIDE = 0.6
"""Share of a detected face that must lie in a head of the truth."""
_LARGE = 0.15
"""Heads at least so high, as a share of the picture, count as medium or close."""
_GAP = 240.0


@dataclass(frozen=True, kw_only=True)
class Faces:
    """The faces at all moments of truth: found ones first, then those that were missed.

    Attributes:
        truth: Int64[N], the person, NOBODY for a false detection or a face on a picture.
        predicted: Int64[N], the identity, NOBODY where it was missed or left without one.
        named: Int64[N], the person whose name it was given, else NOBODY.
        times: Float64[N], seconds.
        found: Bool[N], whether the detector found it.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    named: NDArray[np.int64]
    times: NDArray[np.float64]
    found: NDArray[np.bool_]
    share_of_front: float
    """Of the medium and close faces from the front, how many were found."""
    share_of_all: float
    """Of all faces from the front or the side, however small."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One film's scores."""

    cuts: float
    found_front: float
    found_all: float
    usable: float
    false: float
    people: float
    identities: float
    idf1: float
    idf1_all: float
    precision: float
    recall: float
    cross_gap: float
    name_precision: float
    name_recall: float


_HEADS = (
    "hard cuts F1",
    "front faces found",
    "all faces found",
    "cast pictures usable",
    "false faces",
    "people seen",
    "identities",
    "IDF1",
    "IDF1 with the missed",
    "BCubed precision",
    "BCubed recall",
    "cross-gap recall",
    "name precision",
    "name recall",
)


def main() -> None:
    """Make, preprocess and score films, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="300,301,302,303", help="of the films, with commas")
    parser.add_argument("--minutes", type=float, default=12.0, help="of each film")
    parser.add_argument("--out", type=Path, help="folder to keep films and workspaces in; a temporary one by default")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    with tempfile.TemporaryDirectory() as name:
        root = options.out or Path(name)
        rows = {seed: _score(root / str(seed), seed, options.minutes) for seed in seeds}
    columns = list(rows.values())
    print(f"| | {' | '.join(f'seed {seed}' for seed in seeds)} | mean |\n|---|{'---:|' * (len(seeds) + 1)}")
    for head, field in zip(_HEADS, fields(Row), strict=True):
        values = [getattr(row, field.name) for row in columns]
        is_count = field.name in ("false", "people", "identities")
        cells = [f"{value:.0f}" if is_count else f"{value:.3f}" for value in (*values, mean(values))]
        print(f"| {head} | {' | '.join(cells)} |")


def _score(folder: Path, seed: int, minutes: float) -> Row:
    print(f"seed {seed}", file=sys.stderr)
    api.synthesize_film_world(seed=seed, minutes=minutes, out=folder / "film")
    film, out = folder / "film" / "film.mp4", folder / "film.movieqa"
    truth = json.loads((folder / "film" / "truth.json").read_text())
    workspace = api.preprocess_movie(film, output=out, people="classical")
    faces = read_faces(workspace, api.cast_find(out), truth)
    seen = faces.found & (faces.truth != NOBODY)
    groups = bcubed(faces.truth[seen], faces.predicted[seen])
    usable = keep_usable(folder / "film" / "cast", folder / "cast")
    named = read_faces(workspace, api.cast_find(out, cast=folder / "cast"), truth)
    names = named_score(named.truth[named.found], named.named[named.found], np.arange(len(truth["people"])))
    return Row(
        cuts=score_cuts(workspace.shots, truth).f_score,
        found_front=faces.share_of_front,
        found_all=faces.share_of_all,
        usable=usable,
        false=int((faces.found & (faces.truth == NOBODY)).sum()),
        people=len(np.unique(faces.truth[seen])),
        identities=len(np.unique(faces.predicted[faces.found & (faces.predicted != NOBODY)])),
        idf1=idf1(faces.truth[faces.found], faces.predicted[faces.found]),
        idf1_all=idf1(faces.truth, faces.predicted),
        precision=groups.precision,
        recall=groups.recall,
        cross_gap=cross_gap_recall(faces.truth[seen], faces.predicted[seen], faces.times[seen], gap=_GAP),
        name_precision=names.precision,
        name_recall=names.recall,
    )


def keep_usable(cast: Path, folder: Path) -> float:
    """Copy the pictures that show exactly one face to the provider, which refuses the others; return their share."""
    provider = ClassicalProvider()
    pictures = sorted(cast.glob("*/*.jpg"))
    kept = []
    for path in pictures:
        try:
            check_faces({path.parent.name: (path,)}, provider)
        except ConfigError:
            continue
        kept.append(path)
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name / path.name)
    return len(kept) / len(pictures)


def read_faces(workspace: Workspace, cast: Cast, truth: dict[str, Any]) -> Faces:
    """Compare the detected faces with the truth's, at every moment both know."""
    numbers = {person["id"]: number for number, person in enumerate(truth["people"])}
    by_name = {person["name"]: numbers[person["id"]] for person in truth["people"]}
    frames = {round(float(time), 3): number for number, time in enumerate(workspace.frames.times)}
    rows: list[tuple[int, int, int, float, bool]] = []
    fronts: list[bool] = []
    shown: list[bool] = []
    for sample in truth["samples"]:
        frame = frames.get(round(sample["time"], 3))
        if frame is None:
            continue
        detected = np.flatnonzero(cast.table.frames == frame).tolist()
        for item in sample["people"]:
            if item["head"] is None or item["how"] in ("back", "hand"):
                continue
            inside = [(_share(cast.table.boxes[row], item["head"]), row) for row in detected]
            best, row = max(inside, default=(0.0, -1))
            is_found = best >= _INSIDE
            if is_found:
                detected.remove(row)
                person = NOBODY if item["how"] == "picture" else numbers[item["person"]]
                rows.append((person, *_who(cast, row, by_name), sample["time"], True))
            if item["how"] == "picture":
                continue
            if not is_found:
                rows.append((numbers[item["person"]], NOBODY, NOBODY, sample["time"], False))
            shown.append(is_found)
            if item["how"] == "front" and item["head"][3] - item["head"][1] >= _LARGE:
                fronts.append(is_found)
        rows += [(NOBODY, *_who(cast, row, by_name), sample["time"], True) for row in detected]
    table = np.array(rows)
    return Faces(
        truth=table[:, 0].astype(np.int64),
        predicted=table[:, 1].astype(np.int64),
        named=table[:, 2].astype(np.int64),
        times=table[:, 3],
        found=table[:, 4].astype(bool),
        share_of_front=float(np.mean(fronts)),
        share_of_all=float(np.mean(shown)),
    )


def _who(cast: Cast, row: int, by_name: dict[str, int]) -> tuple[int, int]:
    identity = cast.owner(int(cast.table.tracklets[row]))
    if identity is None:
        return NOBODY, NOBODY
    return identity.id, by_name[identity.name] if identity.name else NOBODY


def _share(face: NDArray[np.float32], head: list[float]) -> float:
    """Return how much of a face lies in a head."""
    across = min(face[2], head[2]) - max(face[0], head[0])
    down = min(face[3], head[3]) - max(face[1], head[1])
    return float(max(0.0, across) * max(0.0, down) / ((face[2] - face[0]) * (face[3] - face[1])))


if __name__ == "__main__":
    main()
