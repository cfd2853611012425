"""Every detector one can choose, fed the pictures of one film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.preprocess.decoding import Decoder
from movieqa.preprocess.detectors import BoundaryFinder
from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan_job import DETECTORS
from movieqa.preprocess.shots import Boundary
from movieqa.preprocess.small import SmallPictures
from tests import clips

RATE = Fraction(clips.RATE)


def small_pictures(path: Path) -> list[NDArray[np.uint8]]:
    decoder, small = Decoder(path, probe(path)), SmallPictures()
    pictures = [small.shrink(picture.frame) for picture in decoder.pictures()]
    decoder.close()
    return pictures


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.uint8]]:
    return small_pictures(clips.plain(tmp_path_factory.mktemp("detectors") / "film.mp4"))


@pytest.fixture(scope="module")
def faded(tmp_path_factory: pytest.TempPathFactory) -> list[NDArray[np.uint8]]:
    fades = "fade=out:24:24:enable='lt(n,48)',fade=in:48:24:enable='gte(n,48)'"
    path = tmp_path_factory.mktemp("faded") / "film.mp4"
    return small_pictures(clips.filtered(path, "trim=end_frame=96," + fades))


def detect(name: str, pictures: list[NDArray[np.uint8]]) -> list[Boundary]:
    finder = BoundaryFinder(name, rate=RATE)
    found: list[Boundary] = []
    for number, picture in enumerate(pictures):
        told = finder.push(number, picture)
        assert all(number - boundary.frame <= finder.lookahead for boundary in told)
        found += told
    return found + finder.finish(len(pictures) - 1)


def test_pictures_are_small(pictures: list[NDArray[np.uint8]]) -> None:
    assert {picture.shape for picture in pictures} == {(72, 128, 3)}


@pytest.mark.parametrize("name", ["transitions", "content", "adaptive", "histogram", "hash"])
def test_finds_hard_cuts(pictures: list[NDArray[np.uint8]], name: str) -> None:
    found = detect(name, pictures)
    assert [(boundary.frame, boundary.kind) for boundary in found] == [(48, "cut"), (96, "cut")]


@pytest.mark.parametrize("name", ["transitions", "threshold"])
def test_finds_fades(faded: list[NDArray[np.uint8]], name: str) -> None:
    (found,) = detect(name, faded)
    assert found.kind == "fade"
    assert found.first <= 28 < 45 <= found.frame <= 51 < 68 <= found.last


def test_every_detector_can_be_chosen() -> None:
    for name in set(DETECTORS) - {"transnet"}:
        assert BoundaryFinder(name, rate=RATE).lookahead >= 0


def test_refuses_other_names() -> None:
    with pytest.raises(ConfigError, match="choose one of transitions, content"):
        BoundaryFinder("magic", rate=RATE)


def test_says_what_transnet_lacks(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="needs TransNetV2 as an ONNX file; give its path"):
        BoundaryFinder("transnet", rate=RATE)
    with pytest.raises(MissingDependencyError, match="no such model file"):
        BoundaryFinder("transnet", rate=RATE, transnet=tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(MissingDependencyError, match="not a model onnxruntime can read"):
        BoundaryFinder("transnet", rate=RATE, transnet=tmp_path / "model.onnx")
