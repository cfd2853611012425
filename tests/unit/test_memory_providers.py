"""Providers: what they find, what they refuse, and what they say of themselves."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.memory import model_files
from movieqa.memory.classical import ClassicalProvider
from movieqa.memory.model_files import SFACE, YUNET, ModelFile, fetch_model, find_model
from movieqa.memory.onnx_faces import OnnxConfig, OnnxProvider
from movieqa.memory.provider import Provider, Scale
from movieqa.memory.providers import ProviderConfig, load_provider
from movieqa.memory.quality import frontality
from movieqa.memory.sface import SFaceProvider
from tests.people_workspaces import COLOURS, make_other_provider, make_provider
from tests.tiny_onnx import draw_squares, make_recogniser, make_scrfd, make_yunet

PUBLISHED = os.environ.get("MOVIEQA_SFACE")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def providers(models: Path) -> dict[str, Provider]:
    return {
        "onnx": make_provider(models / "onnx"),
        "sface": make_other_provider(models / "sface"),
        "classical": ClassicalProvider(),
    }


SQUARES = draw_squares(640, 480, (2, 3, COLOURS["red"]), (9, 5, COLOURS["green"]), (15, 10, COLOURS["red"]))


@pytest.mark.parametrize("name", ["onnx", "sface"])
def test_networks_find_faces_and_tell_them_apart(providers: dict[str, Provider], name: str) -> None:
    provider = providers[name]
    faces = provider.detect(SQUARES)
    assert faces.boxes.round().tolist() == [[64, 96, 96, 128], [288, 160, 320, 192], [480, 320, 512, 352]]
    embedded = provider.embed(SQUARES, faces)
    cosines = embedded.vectors @ embedded.vectors.T
    assert cosines[0, 2] > 0.95
    assert abs(cosines[0, 1]) < 0.1
    assert np.allclose(np.diag(cosines), 1, atol=1e-5)
    assert (embedded.qualities >= 0.6).all()
    alone = provider.embed(SQUARES, faces.take(np.array([1])))
    assert np.allclose(alone.vectors[0], embedded.vectors[1], atol=1e-6), "a face does not depend on the others"


@pytest.mark.parametrize("name", ["onnx", "sface", "classical"])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (321, 239), (48, 40)])
def test_pictures_without_faces_and_of_any_size(
    providers: dict[str, Provider], name: str, size: tuple[int, int]
) -> None:
    provider = providers[name]
    faces = provider.detect(np.zeros((size[1], size[0], 3), np.uint8))
    assert len(faces) == 0
    assert provider.embed(np.zeros((size[1], size[0], 3), np.uint8), faces).vectors.shape == (
        0,
        provider.facts.dimension,
    )


def test_providers_say_what_they_are(providers: dict[str, Provider]) -> None:
    facts = [provider.facts for provider in providers.values()]
    assert len({one.fingerprint for one in facts}) == 3
    assert providers["onnx"].facts.licence == "made by a test"
    assert "not the published" in providers["sface"].facts.licence
    assert "clothes" in providers["classical"].facts.abilities
    assert all(isinstance(provider, Provider) for provider in providers.values())


def test_a_fingerprint_follows_files_and_settings(providers: dict[str, Provider], models: Path) -> None:
    folder = models / "onnx"
    config = OnnxConfig(detector=folder / "scrfd.onnx", recogniser=folder / "recogniser.onnx", licence="x")
    first = OnnxProvider(config).facts.fingerprint
    assert OnnxProvider(replace(config, licence="y")).facts.fingerprint == first
    assert OnnxProvider(replace(config, score=0.6)).facts.fingerprint != first
    other = make_recogniser(models / "other.onnx", low=-1, high=1, dimension=64)
    assert OnnxProvider(replace(config, recogniser=other)).facts.fingerprint != first
    assert ClassicalProvider().facts.fingerprint == ClassicalProvider().facts.fingerprint


def test_classical_sees_a_face_with_a_steady_description() -> None:
    provider = ClassicalProvider()
    picture = data.astronaut()
    faces = provider.detect(picture)
    embedded = provider.embed(picture, faces)
    row = int(np.argmax(embedded.qualities))
    left, top, right, bottom = faces.boxes[row]
    assert 150 < left < right < 300
    assert 40 < top < bottom < 220
    assert embedded.qualities[row] >= 0.9
    darker = cv2.convertScaleAbs(picture, alpha=0.7)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    for other in (darker, mirrored):
        found = provider.embed(other, provider.detect(other))
        best = found.vectors[int(np.argmax(found.qualities))]
        assert best @ embedded.vectors[row] > provider.scale.highest
    again = ClassicalProvider().embed(picture, faces)
    assert np.array_equal(again.vectors, embedded.vectors)


def test_classical_says_so_when_opencv_has_no_cascades(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cv2.data, "haarcascades", f"{tmp_path}/")
    with pytest.raises(MissingDependencyError, match="ships no cascade detectors; install"):
        ClassicalProvider()


@pytest.mark.parametrize("name", ["sface", "onnx"])
def test_a_missing_or_broken_model_file_is_one_clear_line(models: Path, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    good = make_yunet(tmp_path / "yunet.onnx") if name == "sface" else make_scrfd(tmp_path / "scrfd.onnx")
    for recogniser, message in ((tmp_path / "gone.onnx", "no such model file"), (broken, "cannot read")):
        with pytest.raises(ConfigError, match=message) as caught:
            load_provider(ProviderConfig(name=name, detector=good, recogniser=recogniser, licence="x"))
        assert "\n" not in str(caught.value)


def test_networks_of_another_kind_are_refused(providers: dict[str, Provider], models: Path, tmp_path: Path) -> None:
    recogniser = models / "onnx" / "recogniser.onnx"
    with pytest.raises(ConfigError, match="1 outputs, not 9; use an SCRFD file"):
        OnnxProvider(OnnxConfig(detector=recogniser, recogniser=recogniser, licence="x"))
    detector = make_scrfd(tmp_path / "small.onnx", side=320)
    with pytest.raises(ConfigError, match=r"small\.onnx: it does not run"):
        OnnxProvider(OnnxConfig(detector=detector, recogniser=recogniser, licence="x")).detect(SQUARES)
    found = OnnxProvider(OnnxConfig(detector=detector, recogniser=recogniser, licence="x", side=320)).detect(SQUARES)
    assert len(found) == 0 or found.boxes.max() <= 640


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "magic"}, "no provider 'magic'; choose classical, sface, onnx, model"),
        ({"name": "onnx"}, "the onnx provider needs files"),
        ({"name": "onnx", "detector": Path("a"), "recogniser": Path("b")}, "licence of the face models is not given"),
        ({"name": "sface", "detector": Path("a")}, "belong together"),
        ({"name": "classical", "detector": Path("a"), "recogniser": Path("b")}, "takes no model files"),
        ({"name": "model"}, "needs a model; name one with --model"),
        ({"name": "model", "recogniser": Path("b")}, "recognises with its model"),
    ],
)
def test_settings_that_cannot_work(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_provider(ProviderConfig(**config))  # type: ignore[arg-type]


def test_sface_without_its_files_says_where_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model_files, "default_folder", lambda: tmp_path)
    with pytest.raises(MissingDependencyError, match=r"no such model file; get https://.* \(0\.2 MB, MIT\)"):
        load_provider(ProviderConfig(name="sface"))
    (tmp_path / YUNET.name).write_bytes(b"something else")
    with pytest.raises(ConfigError, match="not the pinned"):
        load_provider(ProviderConfig(name="sface"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder to this machine only."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", folder
        http.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def test_fetching_checks_every_byte(server: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = server
    content = os.urandom(2_500_000)
    file = ModelFile(
        name="m.onnx",
        url=f"{url}/m.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        num_bytes=len(content),
        licence="MIT",
    )
    target = tmp_path / "models"
    wrong = [content[:-1], content + b"x", os.urandom(len(content))]
    for served in wrong:
        (folder / "m.onnx").write_bytes(served)
        with pytest.raises(MissingDependencyError, match="cannot be fetched"):
            fetch_model(file, target)
        assert list(target.iterdir()) == []
    (folder / "m.onnx").write_bytes(content)
    heard: list[int] = []
    path = fetch_model(file, target, on_bytes=lambda done, total: heard.append(done))
    assert path.read_bytes() == content
    assert heard[-1] == len(content)
    (folder / "m.onnx").unlink()
    assert fetch_model(file, target) == path, "what is there is not fetched again"
    assert find_model(file, target) == path
    with pytest.raises(MissingDependencyError, match="cannot be fetched"):
        fetch_model(file, tmp_path / "elsewhere")


@pytest.mark.skipif(PUBLISHED is None, reason="needs a folder with the YuNet and SFace files in MOVIEQA_SFACE")
def test_the_published_files_see_a_face() -> None:
    assert PUBLISHED is not None
    provider = SFaceProvider.from_folder(Path(PUBLISHED))
    picture = data.astronaut()
    faces = provider.detect(picture)
    assert len(faces) == 1
    vector = provider.embed(picture, faces).vectors[0]
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    assert provider.embed(mirrored, provider.detect(mirrored)).vectors[0] @ vector > 0.6
    assert provider.facts.licence == f"YuNet: {YUNET.licence}; SFace: {SFACE.licence}"


def test_frontality_falls_as_the_nose_leaves_the_middle() -> None:
    def face(nose: float) -> np.ndarray:
        return np.array([[0, 0], [10, 0], [nose, 6], [2, 10], [8, 10]], np.float32)

    assert [frontality(face(nose)) for nose in (5, 2.5, 10, 15)] == pytest.approx([1, 0.5, 0, 0])
    assert frontality(np.zeros((5, 2), np.float32)) == 0


def test_a_scale_must_be_ordered() -> None:
    with pytest.raises(ValueError, match="floor < lowest"):
        Scale(floor=0.5, threshold=0.4, lowest=0.3, highest=0.6, twin=0.8, named=0.6, margin=0.1)
