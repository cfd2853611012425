"""The converted model of the recordings, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from movieqa.checkpoint import convert_checkpoint
from movieqa.model import MovieConfig, MovieModel
from movieqa.model.loading import load_model
from movieqa.model.processor import MovieProcessor
from tests.parity.recordings import ARCHITECTURE, FOLDER


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("converted") / "model"
    convert_checkpoint(
        FOLDER / "checkpoint", folder, guidance_tokenizer=FOLDER / "bert-base-uncased", architecture=ARCHITECTURE
    )
    return folder


@pytest.fixture(scope="session")
def model(converted: Path) -> MovieModel:
    return load_model(converted)


@pytest.fixture(scope="session")
def film_model(converted: Path) -> MovieModel:
    """The same weights with positions stretched 16 times."""
    config = MovieConfig.from_pretrained(converted)
    config.text_config.rope_parameters = {"rope_type": "linear", "factor": 16.0, "rope_theta": 10000.0}
    loaded: MovieModel = MovieModel.from_pretrained(converted, config=config)
    return loaded.eval()


@pytest.fixture(scope="session")
def processor(converted: Path) -> MovieProcessor:
    return MovieProcessor.from_pretrained(converted)


def with_pooling(model: MovieModel, pooling: str, grid_size: int = 2) -> MovieModel:
    """Return the same weights with another pooling."""
    config = MovieConfig.from_dict({**model.config.to_dict(), "pooling": pooling, "grid_size": grid_size})
    other = MovieModel(config).eval()
    other.load_state_dict(model.state_dict())
    return other
