"""Measures what a film of two hours costs a model, once and for every further question; ratios within one run.

A random model of middle size: features 256 wide, a language model of 60 million parameters. Its words mean nothing,
its operations are those of a real one.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor
from transformers import LlamaConfig
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.decoding import Decoding
from movieqa.features import FrameFeatures
from movieqa.film_tokens import FilmTokens
from movieqa.loaded import LoadedModel
from movieqa.model import MovieConfig, MovieModel
from movieqa.session import FilmSession, SessionConfig
from tests.bench.random_film import make_random_film
from tests.tiny_checkpoint import make_tiny_model, tiny_processor

NUM_FRAMES = 7200
FRAMES_IN_TURNS = 512
"""Of the film, where whole questions are compared in turns."""
NUM_QUESTIONS = 100
ANSWER_TOKENS = 8
NUM_PATCHES, WIDTH = 256, 256

_Value = TypeVar("_Value")


def middle() -> MovieConfig:
    """Return the model's configuration."""
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(
            hidden_size=WIDTH, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4, image_size=224
        ),
        qformer_config=InstructBlipQFormerConfig(
            vocab_size=256, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512
        ),
        text_config=LlamaConfig(
            vocab_size=32000,
            hidden_size=640,
            intermediate_size=1792,
            num_hidden_layers=4,
            num_attention_heads=10,
            num_key_value_heads=10,
            pad_token_id=0,
            rope_parameters={"rope_type": "linear", "factor": 16.0, "rope_theta": 10000.0},
        ),
        max_context=65536,
    )


def timed(work: Callable[[], _Value]) -> tuple[float, _Value]:
    """Return how many seconds of one core something takes, and what it returns; other programs do not count."""
    started = time.process_time()
    value = work()
    return time.process_time() - started, value


def say(line: str) -> None:
    """Tell how far the benchmark is."""
    print(line, file=sys.stderr, flush=True)


def transcribe(model: MovieModel, queries: Tensor, patches: Tensor) -> Tensor:
    """Generate tokens as the paper writes them down: all keys, all queries' sums, content anew for every question."""
    attention = model.context_attention
    text = attention.query_projector(queries)
    keys = attention.key_projector(patches)
    weights = (text @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5).softmax(dim=-1)
    context = attention.value_projector((weights @ patches).mean(dim=1))
    content = model.content_projector(patches.mean(dim=1, keepdim=True))
    return torch.cat([context[:, None], content], dim=1)


def transcribe_question(model: MovieModel, features: FrameFeatures, guidance_ids: Tensor) -> Tensor:
    """Generate a question's tokens from stored features as the published code does: nothing is kept."""
    tokens = []
    size = model.config.frames_per_block
    for start in range(0, FRAMES_IN_TURNS, size):
        patches = features.read(range(start, start + size))[:, 1:].float()
        tokens.append(transcribe(model, model.read_frames(model.image_norm(patches), guidance_ids), patches))
    return torch.cat(tokens)


def in_turns(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Return the median seconds of each work, done in turns: what else the machine does hits all of them."""
    seconds = [[timed(work)[0] for work in works] for _ in range(rounds)]
    return [median(column) for column in zip(*seconds, strict=True)]


def compare_formula(model: MovieModel, blocks: int) -> tuple[float, float, float]:
    """Return the seconds of the paper's formula for blocks of frames: transcribed, our first question, our further."""
    size = model.config.frames_per_block
    random = torch.Generator().manual_seed(1)
    queries = torch.randn(size, model.config.num_query_tokens, model.config.qformer.hidden_size, generator=random)
    patches = torch.randn(size, NUM_PATCHES, WIDTH, generator=random)

    def ours() -> Tensor:
        return model.make_tokens(queries, patches)

    def further() -> Tensor:
        return model.context_attention(queries, patches)

    torch.testing.assert_close(ours(), transcribe(model, queries, patches), rtol=0, atol=1e-4)
    transcribed, mine, context = in_turns(blocks, lambda: transcribe(model, queries, patches), ours, further)
    return transcribed * blocks, mine * blocks, context * blocks


def compare_questions(loaded: LoadedModel, features: FrameFeatures, rounds: int = 3) -> tuple[float, float, float]:
    """Return the seconds of all a question's tokens from stored features: transcribed, our first, our further ones."""
    model = loaded.model
    guidance = loaded.processor.guidance_ids("Who gives Mara the key?")
    frames = range(FRAMES_IN_TURNS)
    warm = FilmTokens(model, features)
    mine = warm.tokens(frames, guidance, keep=False)
    torch.testing.assert_close(mine, transcribe_question(model, features, guidance), rtol=0, atol=1e-4)
    transcribed, first, further = in_turns(
        rounds,
        lambda: transcribe_question(model, features, guidance),
        lambda: FilmTokens(model, features).tokens(frames, guidance, keep=False),
        lambda: warm.tokens(frames, guidance, keep=False),
    )
    return transcribed, first, further


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    config = middle()
    loaded = LoadedModel.of(make_tiny_model(config), tiny_processor(config), name="middle")
    million = sum(weight.numel() for weight in loaded.model.language_model.parameters()) / 1e6
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        say("making the film")
        film = make_random_film(Path(folder), loaded, NUM_FRAMES)
        say("token generation")
        formula, ours, context = compare_formula(loaded.model, NUM_FRAMES // config.frames_per_block)
        transcribed, cold, warm = compare_questions(loaded, FrameFeatures.open(film, loaded.name, tower=loaded.tower))
        decoding = Decoding(max_new_tokens=ANSWER_TOKENS)
        session = FilmSession(film, loaded, SessionConfig(guidance="film", decoding=decoding))
        questions = [f"Who is in scene {number}?" for number in range(NUM_QUESTIONS)]
        say("first question")
        first, _ = timed(lambda: session.next_logits("Who?"))
        length = len(session.prompt("Who?"))
        say(f"first question: {first:.1f} s for {length} tokens; second question")
        second = min(timed(lambda: session.next_logits("What happens to Anna?"))[0] for _ in range(3))
        say(f"second question: {second:.2f} s; {NUM_QUESTIONS} questions")
        session.config = replace(session.config, decoding=Decoding(max_new_tokens=1))
        reading, _ = timed(lambda: session.ask_many(questions))
        batch = questions[: session.config.batch_size]
        short, _ = timed(lambda: session.ask_many(batch))
        session.config = replace(session.config, decoding=decoding)
        whole, replies = timed(lambda: session.ask_many(batch))
    writing, written = whole - short, sum(len(reply.token_ids) - 1 for reply in replies)
    rows = [
        (
            "token generation for a question, transcribed from the paper / ours; nothing kept on either side",
            f"{formula:.2f} s / {ours:.2f} s",
            f"{formula / ours:.1f} times faster",
            "3 times",
        ),
        (
            "the same, our further questions about the film: its content tokens are kept",
            f"{formula:.2f} s / {context:.2f} s",
            f"{formula / context:.1f} times faster",
            "3 times",
        ),
        (
            f"{FRAMES_IN_TURNS:,} frames from stored features, reading with the text decoder included: transcribed / "
            "our first question",
            f"{transcribed:.2f} s / {cold:.2f} s",
            f"{transcribed / cold:.1f} times faster",
            "",
        ),
        (
            "the same, our further questions",
            f"{transcribed:.2f} s / {warm:.2f} s",
            f"{transcribed / warm:.1f} times faster",
            "",
        ),
        (
            'first token of the second question / of the first, `guidance="film"`',
            f"{second:.2f} s / {first:.1f} s",
            f"{second / first:.1%}",
            "at most 3 %",
        ),
        (
            f"reading {NUM_QUESTIONS} questions with the film / reading it for one",
            f"{first + reading:.1f} s / {first:.1f} s",
            f"{(first + reading) / first:.2f} times",
            "at most 2 times",
        ),
        (
            f"writing {written} tokens of {len(batch)} answers at once",
            f"{writing:.1f} s",
            f"{writing / written * 1e3:.0f} ms a token",
            "",
        ),
    ]
    print("## A model on a two-hour film\n")
    print(
        f"A random model, float32, one thread, processor time: features {WIDTH} wide, {NUM_FRAMES:,} frames, a "
        f"language model of {million:.0f} million parameters, {length:,} tokens of prompt.\n"
    )
    print("| what | seconds | ratio | aim |\n|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(
        "\nToken generation is what the paper adds to a language model (context attention, pooling, projectors), given "
        "what the text decoder has read. Reading a frame with the text decoder is transformers' own work and costs the "
        "same either way; it is most of what the rows about stored features measure."
    )


if __name__ == "__main__":
    main()
