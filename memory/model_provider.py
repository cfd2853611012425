"""The provider of a trained checkpoint: its ID-Former says who is in any box, be it a face, an animal or a figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.models.instructblip.modeling_instructblip import InstructBlipVisionModel

from movieqa.checkpoint.names import join_names
from movieqa.checkpoint.weights import open_folder
from movieqa.errors import CheckpointError
from movieqa.identity import Box
from movieqa.loaded import choose_device, choose_dtype, find_folder, fingerprint_tower, name_of, read_config
from movieqa.model.config import MovieConfig
from movieqa.model.processor import MovieProcessor
from movieqa.model.shortage import explain_memory
from movieqa.people_files import ProviderFacts
from movieqa.storage import digest_file, digest_json

from .classical import ClassicalProvider
from .film_identities import crop
from .id_former_film import FOLDER, check_width, open_id_former
from .provider import METRIC, Detections, Embedded, Scale, unit
from .quality import face_qualities
from .sface import YuNet

if TYPE_CHECKING:
    from jaxtyping import UInt8

VERSION = 1
_TOWER = "vision_tower."
_BATCH = 16  # boxes that go through the vision tower at once


class Finder(Protocol):
    """Finds boxes that somebody may be in."""

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the boxes of a picture, red first."""


class ModelProvider:
    """Finds faces with a detector, and tells what is in a box by the queries of a model's ID-Former.

    A picture in which the detector finds nothing is one box as a whole: so animals, masks and drawn figures are known
    by the shots they fill. Of the model only the vision tower is loaded.

    Args:
        model: A model's folder or hub name, with an ID-Former in its folder `id-former`.
        detector: YuNet's ONNX file; without it OpenCV's cascades find the faces.
        device: Where it runs; `auto` takes the first GPU.

    Raises:
        CheckpointError: It is no complete model, or holds no ID-Former.
        ConfigError: The ID-Former is of another width than the vision tower, or a file or device is missing.

    Example:
        >>> workspace = find_people(workspace, ModelProvider("llama-vid-7b-people"))  # doctest: +SKIP
    """

    def __init__(self, model: str | Path, *, detector: Path | None = None, device: str = "auto") -> None:
        folder = find_folder(model)
        config = read_config(folder)
        former = open_id_former(folder)
        self._name = name_of(model)
        check_width(former, config.vision.hidden_size, self._name)
        self._device = choose_device(device)
        self._dtype = choose_dtype(config, device=self._device)
        self._processor = MovieProcessor.from_pretrained(folder)
        with explain_memory("the vision tower"):
            self._tower = _open_tower(folder, config, self._dtype).to(self._device)  # type: ignore[arg-type]
            self._former = former.to(self._device)
        self._dimension = config.vision.hidden_size
        self._finder: Finder
        if detector is None:
            classical = ClassicalProvider()
            self._finder, finder, self._finds = classical, classical.facts.fingerprint, "OpenCV's cascades find"
        else:
            yunet = YuNet(detector)
            self._finder, finder, self._finds = yunet, yunet.digest, "YuNet finds"
        tower = {name: (lambda tensor=tensor: tensor) for name, tensor in self._tower.state_dict().items()}
        self._fingerprint = digest_json(
            {
                "provider": "model",
                "version": VERSION,
                "tower": fingerprint_tower(config, tower),
                "precision": str(self._dtype),
                "id_former": [digest_file(path) for path in sorted((folder / FOLDER).iterdir()) if path.is_file()],
                "finder": finder,
            }
        )

    @property
    def facts(self) -> ProviderFacts:
        """Name, fingerprint, licence and limits."""
        return ProviderFacts(
            name="model",
            fingerprint=self._fingerprint,
            dimension=self._dimension,
            licence=f"of the weights of {self._name}",
            abilities=(
                f"takes the faces that {self._finds}, and a frame without one as one figure, which may be an animal, a "
                f"drawing or a mere view; tells them apart as well as {self._name} was trained to"
            ),
        )

    @property
    def scale(self) -> Scale:
        """How its cosines are to be read: an ID-Former is trained for them as face recognisers are."""
        return METRIC

    def detect(self, picture: UInt8[np.ndarray, "H W 3"]) -> Detections:
        """Find the faces of a picture; where there is none, return the whole picture as one box."""
        found = self._finder.detect(picture)
        if len(found):
            return found
        height, width = picture.shape[:2]
        return Detections(boxes=np.array([[0, 0, width, height]], np.float32), scores=np.ones(1, np.float32))

    @torch.no_grad()
    def embed(self, picture: UInt8[np.ndarray, "H W 3"], faces: Detections) -> Embedded:
        """Cut each box out, let the ID-Former's queries read it, and take their mean."""
        height, width = picture.shape[:2]
        size = np.array([width, height, width, height], np.float32)
        crops = []
        for left, top, right, bottom in np.clip(faces.boxes / size, 0, 1).astype(np.float64).tolist():
            crops.append(crop(picture, Box(left=left, top=top, right=right, bottom=bottom)))
        vectors = np.zeros((len(faces), self._dimension), np.float32)
        for start in range(0, len(crops), _BATCH):
            pixels = self._processor.preprocess(crops[start : start + _BATCH])
            patches = self._look(pixels)[:, 1:]
            read = self._former.remember(torch.split(patches, 1)).mean(dim=1)
            vectors[start : start + _BATCH] = read.float().cpu().numpy()
        return Embedded(vectors=unit(vectors), qualities=face_qualities(picture, faces))

    def _look(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B R C"]:
        seen: Tensor = self._tower(pixels.to(self._device, self._dtype)).last_hidden_state
        return seen


def _open_tower(folder: Path, config: MovieConfig, dtype: torch.dtype) -> InstructBlipVisionModel:
    """Load a model's vision tower alone, as `MovieModel` builds it."""
    with torch.device("meta"):
        tower = InstructBlipVisionModel(config.vision)
    tower.post_layernorm = nn.Identity()  # type: ignore[assignment]
    weights = open_folder(folder)
    broken, tensors = [], {}
    for name, wanted in tower.state_dict().items():
        full_name = _TOWER + name
        if full_name not in weights or weights[full_name].shape != tuple(wanted.shape):
            broken.append(full_name)
            continue
        tensors[name] = weights[full_name].read().to(dtype)
        if not bool(torch.isfinite(tensors[name]).all()):
            broken.append(full_name)
    if broken:
        raise CheckpointError(
            f"{folder}: missing, misshapen or not finite: {join_names(broken)}", hint="convert or train it again"
        )
    tower.load_state_dict(tensors, assign=True)
    tower.train(False)
    return tower
