"""A tiny model answers about a whole film, end to end; its words mean nothing, their making is checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from transformers import TextStreamer

from movieqa.model import Media, MovieModel
from movieqa.model.loading import load_model
from movieqa.model.processor import MovieProcessor
from movieqa.movie import Shot, Subtitle
from movieqa.prompt import FRAME_SLOT, Prompt
from tests.tiny_checkpoint import save_tiny_model


class Collector(TextStreamer):
    """Keeps what would go to the terminal."""

    def __init__(self, processor: MovieProcessor) -> None:
        super().__init__(processor.tokenizer, skip_special_tokens=True)
        self.parts: list[str] = []

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self.parts.append(text)


def answer(model: MovieModel, processor: MovieProcessor, prompt: Prompt, features: torch.Tensor) -> torch.Tensor:
    film = Media(
        guidance_ids=processor.guidance_ids(prompt.guidance),
        features=features,
        frame_indices=torch.tensor(prompt.budget.frames),
    )
    ids = model.generate(torch.from_numpy(prompt.input_ids)[None], media=[[film]], max_new_tokens=12, do_sample=False)
    assert isinstance(ids, torch.Tensor)
    return ids[0]


def test_thinned_film_is_answered_and_streamed(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    folder = save_tiny_model(tmp_path / "model")
    model, processor = load_model(folder), MovieProcessor.from_pretrained(folder)
    pictures = np.random.default_rng(0).integers(0, 255, (40, 90, 160, 3), dtype=np.uint8)
    with torch.no_grad():
        features = model.encode_frames(processor.preprocess(list(pictures))).half()
    film = {
        "frame_times": np.arange(40.0),
        "shots": [Shot(index=i, start=i * 10.0, end=i * 10.0 + 10, kind="cut" if i else "start") for i in range(4)],
        "subtitles": [Subtitle(start=i, end=i + 0.5, text=f"line {i}") for i in range(0, 40, 5)],
        "answer_tokens": 12,
    }
    whole = processor.film_prompt("Who runs?", **film)
    thinned = processor.film_prompt("Who runs?", **film, limit=len(whole) - 20)
    assert whole.budget.is_whole
    assert len(thinned.budget.frames) < 40
    assert len(thinned.budget.subtitles) == 8
    for prompt in (whole, thinned):
        first = answer(model, processor, prompt, features)
        assert torch.equal(first, answer(model, processor, prompt, features))
        assert len(first) <= 12
        media = [
            [Media(guidance_ids=processor.guidance_ids("Who runs?"), features=features[list(prompt.budget.frames)])]
        ]
        streamer = Collector(processor)
        ids = model.generate(
            torch.from_numpy(prompt.input_ids)[None], media=media, max_new_tokens=12, do_sample=False, streamer=streamer
        )
        assert torch.equal(ids[0], first)
        assert "".join(streamer.parts).strip() == processor.decode(first)


def test_fixed_guidance_gives_all_questions_one_prefix(tmp_path: Path) -> None:
    """What lets a film be read once for many questions: everything up to the last frame is the same."""
    torch.set_num_threads(1)
    folder = save_tiny_model(tmp_path / "model")
    model, processor = load_model(folder), MovieProcessor.from_pretrained(folder)
    features = torch.rand(6, 65, 32)
    prompts = [
        processor.film_prompt(question, frame_times=np.arange(6.0), guidance="the film", answer_tokens=8)
        for question in ("Who runs?", "Where is the key?")
    ]
    film = Media(guidance_ids=processor.guidance_ids("the film"), features=features)
    embedded = [model.embed_prompt(torch.from_numpy(prompt.input_ids)[None], [[film]]) for prompt in prompts]
    shared = int(np.flatnonzero(prompts[0].input_ids == FRAME_SLOT)[-1]) + 1
    assert np.array_equal(prompts[0].input_ids[:shared], prompts[1].input_ids[:shared])
    assert torch.equal(embedded[0][:, :shared], embedded[1][:, :shared])
