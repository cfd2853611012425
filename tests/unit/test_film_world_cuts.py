"""The project's own scan finds the cuts of a made film where its truth says they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("skia")

from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, scan_film
from movieqa.train.film_world.synthesis import synthesize_film_world

ONE_FRAME = 1.01 / 24


def test_preprocess_finds_the_hard_cuts(tmp_path: Path) -> None:
    made = synthesize_film_world(seed=12, minutes=2, out=tmp_path / "film", speaks=False)
    assert made[0].num_shots > 25
    path = tmp_path / "film" / "film.mp4"
    (tmp_path / "scan").mkdir()
    found = scan_film(path, probe(path), tmp_path / "scan", ScanConfig()).shots
    truth = json.loads((tmp_path / "film" / "truth.json").read_text())
    hard = [shot["start"] for shot in truth["shots"] if shot["cut"] == "cut"]
    soft = [(shot["start"], shot["transition"]) for shot in truth["shots"] if shot["transition"] > 0]
    told = [shot.start for shot in found if shot.kind == "cut"]
    told = [time for time in told if not any(abs(time - middle) <= length / 2 + 0.1 for middle, length in soft)]
    right = sum(any(abs(time - other) <= ONE_FRAME for other in told) for time in hard)
    precision, recall = right / len(told), right / len(hard)
    assert 2 * precision * recall / (precision + recall) >= 0.97, (precision, recall)
