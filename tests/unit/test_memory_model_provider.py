"""The ID-Former of a checkpoint as what recognises: any box, a fingerprint of its own, and clear refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from movieqa import api
from movieqa.errors import CheckpointError, ConfigError, MovieQAError, WorkspaceError
from movieqa.identity import Box
from movieqa.loaded import open_model
from movieqa.memory.cast import add_references, name_person
from movieqa.memory.classical import ClassicalProvider
from movieqa.memory.film_identities import crop
from movieqa.memory.id_former_film import FOLDER, FilmIdFormer, film_id_former, open_id_former
from movieqa.memory.model_provider import ModelProvider
from movieqa.memory.people import find_people
from movieqa.memory.provider import Detections, Provider
from movieqa.memory.references import read_cast
from movieqa.people_files import load_cast
from movieqa.workspace import Workspace
from tests.tiny_checkpoint import save_tiny_model
from tests.tiny_id_former import save_tiny_people_model
from tests.tiny_onnx import draw_squares, make_yunet
from tests.workspaces import draw_frame, make_shots, make_workspace

SIZE = (64, 48)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return save_tiny_people_model(tmp_path_factory.mktemp("models") / "tiny-people")


@pytest.fixture(scope="module")
def provider(model: Path) -> ModelProvider:
    return ModelProvider(model, device="cpu")


def make_film(folder: Path) -> Workspace:
    """Make a film of eight shots of drawn figures; the seventh and eighth show those of the first and second again."""
    return make_workspace(folder, shots=make_shots(*range(0, 25, 3)), num_frames=24)


def test_figures_are_known_again_without_a_face(tmp_path: Path, provider: ModelProvider) -> None:
    cast = load_cast(find_people(make_film(tmp_path), provider))
    assert [one.shots for one in cast.identities] == [(0, 6), (1, 7), (2,), (3,), (4,), (5,)]
    assert cast.provider == "model" and "tiny-people" in cast.abilities
    assert all(track.best.box == Box(left=0, top=0, right=1, bottom=1) for track in cast.tracklets)


def test_a_picture_of_a_figure_names_it(tmp_path: Path, provider: ModelProvider) -> None:
    folder = tmp_path / "cast"
    folder.mkdir()
    for name, colour in (("Rex the dog", 1), ("Balloon", 4)):
        Image.fromarray(draw_frame(7, colour, SIZE)).save(folder / f"{name}.png")
    cast = load_cast(find_people(make_film(tmp_path), provider, cast=read_cast(folder, provider)))
    assert {one.label: one.shots for one in cast.identities if one.name} == {"Rex the dog": (1, 7), "Balloon": (4,)}


def test_it_is_the_models_own_tower_and_id_former(model: Path, provider: ModelProvider) -> None:
    """Vectors are what the whole model's tower and its ID-Former's queries give, alone or side by side."""
    picture = np.concatenate([draw_frame(3, shot, SIZE) for shot in range(3)], axis=1)
    boxes = np.array([[0, 0, 64, 48], [64, 0, 128, 48], [128, 0, 192, 48]], np.float32)
    found = provider.embed(picture, Detections(boxes=boxes, scores=np.ones(3, np.float32)))
    loaded, former = open_model(model, device="cpu"), open_id_former(model)
    for row, (left, _, right, _) in enumerate(boxes / 192):
        cut = crop(picture, Box(left=float(left), top=0, right=float(right), bottom=1))
        with torch.no_grad():
            patches = loaded.model.encode_frames(loaded.processor.preprocess([cut]))[:, 1:]
            wanted = former.remember([patches])[0].mean(dim=0).numpy()
        np.testing.assert_allclose(found.vectors[row], wanted / np.linalg.norm(wanted), atol=1e-5)
        alone = provider.embed(picture, Detections(boxes=boxes[row : row + 1], scores=np.ones(1, np.float32)))
        np.testing.assert_allclose(found.vectors[row], alone.vectors[0], atol=1e-5)
    assert len(provider.embed(picture, Detections(boxes=boxes[:0], scores=np.ones(0, np.float32))).vectors) == 0


def test_detectors_find_the_boxes_where_they_can(
    model: Path, provider: ModelProvider, assets: Path, tmp_path: Path
) -> None:
    with Image.open(assets / "cast" / "person-A.jpg") as image:
        portrait = np.asarray(image.convert("RGB"))
    faces = provider.detect(portrait)
    np.testing.assert_array_equal(faces.boxes, ClassicalProvider().detect(portrait).boxes)
    assert len(faces) == 1 and (faces.boxes[0, 2] - faces.boxes[0, 0]) < portrait.shape[1] / 2
    squares = draw_squares(640, 480, (3, 5, (255, 60, 60)), (9, 5, (60, 255, 60)))
    with_yunet = ModelProvider(model, detector=make_yunet(tmp_path / "yunet.onnx"), device="cpu")
    assert len(with_yunet.detect(squares)) == 2 and len(provider.detect(squares)) == 1
    assert with_yunet.facts.fingerprint != provider.facts.fingerprint
    assert len(with_yunet.embed(squares, with_yunet.detect(squares)).vectors) == 2


def test_it_keeps_the_protocol(provider: ModelProvider) -> None:
    assert isinstance(provider, Provider)
    assert provider.facts.dimension == 32 and provider.facts.fingerprint.startswith("sha256:")
    picture = draw_frame(0, 2, SIZE)
    one, other = (provider.embed(picture, provider.detect(picture)) for _ in range(2))
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert 0.6 <= float(one.qualities[0]) <= 1


def test_weights_of_another_training_never_mix(tmp_path: Path, model: Path, provider: ModelProvider) -> None:
    assert ModelProvider(model, device="cpu").facts == provider.facts
    other = Path(shutil.copytree(model, tmp_path / "tiny-people"))
    path = other / FOLDER / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "query": tensors["query"] + 0.01}, path)
    retrained = ModelProvider(other, device="cpu")
    assert retrained.facts.fingerprint != provider.facts.fingerprint
    (tmp_path / "cast").mkdir()
    workspace = name_person(find_people(make_film(tmp_path), provider), "2", "Rex")
    workspace = find_people(workspace, retrained)
    cast = load_cast(workspace)
    assert cast.find("Rex").shots == (1, 7), "names stay where faces are found again"
    Image.fromarray(draw_frame(7, 4, SIZE)).save(tmp_path / "cast" / "Balloon.png")
    with pytest.raises(WorkspaceError, match="found by another provider"):
        add_references(workspace, read_cast(tmp_path / "cast", provider), provider)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        ("no id-former", CheckpointError, "holds no ID-Former .*name a model that was trained with one"),
        ("other width", ConfigError, "reads patches 64 wide, and tiny has 32"),
        ("not finite", CheckpointError, r"not finite: vision_tower\.embeddings\.class_embedding"),
        ("no model", CheckpointError, "holds no model"),
    ],
)
def test_a_model_that_cannot_recognise_is_one_clear_line(
    tmp_path: Path, damage: str, error: type[MovieQAError], message: str
) -> None:
    folder = tmp_path / "tiny"
    if damage == "no model":
        folder.mkdir()
    else:
        save_tiny_model(folder)
    if damage in ("other width", "not finite"):
        FilmIdFormer(film_id_former(64 if damage == "other width" else 32)).save(folder / FOLDER)
    if damage == "not finite":
        tensors = load_file(folder / "model.safetensors")
        tensors["vision_tower.embeddings.class_embedding"][:] = float("nan")
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(error, match=message) as caught:
        ModelProvider(folder, device="cpu")
    assert "\n" not in str(caught.value)


def test_a_model_must_be_named_and_takes_no_recogniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOVIEQA_MODEL", raising=False)
    workspace = make_workspace(tmp_path)
    with pytest.raises(ConfigError, match="needs a model; name one with --model"):
        api.cast_find(workspace, provider="model")
    with pytest.raises(ConfigError, match="recognises with its model"):
        api.cast_find(workspace, provider="model", model="m", detector="d.onnx", recogniser="r.onnx")
