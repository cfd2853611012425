"""The project's own scan finds the cuts of a made film where its truth says they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("skia")

from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, scan_film
from movieqa.train.film_world.synthesis import synthesize_film_world
from tests.bench.film_world_cuts import score_cuts


def test_preprocess_finds_the_hard_cuts(tmp_path: Path) -> None:
    made = synthesize_film_world(seed=12, minutes=1.5, out=tmp_path / "film", speaks=False)
    assert made[0].num_shots > 20
    path = tmp_path / "film" / "film.mp4"
    (tmp_path / "scan").mkdir()
    found = scan_film(path, probe(path), tmp_path / "scan", ScanConfig()).shots
    truth = json.loads((tmp_path / "film" / "truth.json").read_text())
    score = score_cuts(found, truth)
    assert score.f_score >= 0.97, score
