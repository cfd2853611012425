"""From the original film file to the original's answer: workspace, prompt, features, greedy words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from movieqa.decoding import Decoding
from movieqa.features import FrameFeatures
from movieqa.loaded import LoadedModel, TowerFacts
from movieqa.model import MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.preprocess.published_film import convert_film
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.parity.recordings import FOLDER, arrays, expand, texts


def test_a_published_film_is_answered_as_the_original_does(
    film_model: MovieModel, processor: MovieProcessor, tmp_path: Path
) -> None:
    loaded = LoadedModel.of(film_model, processor, name="film")
    tower = TowerFacts(name="film", fingerprint=loaded.tower, num_rows=65, width=32, image_size=112)
    convert_film(FOLDER / "movie.pkl", tmp_path / "movie.movieqa", tower)
    workspace = Workspace.open(tmp_path / "movie.movieqa")
    recorded, question = arrays("case_long"), texts()["cases"]["long"]["prompts"][0][0]
    session = FilmSession(workspace, loaded, SessionConfig(decoding=Decoding(max_new_tokens=16)))
    wanted, _ = expand(recorded["gen_input_ids"][0], [1] * 132)
    assert np.array_equal(session.prompt(question).input_ids, wanted.numpy())
    reply = session.ask(question)
    assert list(reply.token_ids) == recorded["gen_ids"].tolist()[: len(reply.token_ids)]
    assert len(reply.token_ids) >= 15  # the recording may end in the end mark, which is not told
    features = FrameFeatures.open(workspace, "film", tower=loaded.tower)
    assert torch.isfinite(features.read([0, 65])).all() and len(features) == 66
