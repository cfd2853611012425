"""Measures training: a step of 65,536 tokens in little memory, and the loop beside a bare one of transformers.

With a GPU it also makes one step of 65,536 tokens with random weights of the size of the 7B models.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.model import Media, MovieConfig, MovieModel
from movieqa.model.config import llama_vid_7b
from movieqa.train.config import ModelConfig, TrainConfig
from movieqa.train.engine import Engine
from movieqa.train.fields import override
from movieqa.train.loop import run_training
from movieqa.train.metrics import StepMetrics
from movieqa.train.operations import count_operations, peak_operations
from movieqa.train.processes import join_processes
from movieqa.train.recipes import instruct, long_video
from movieqa.train.trainable import choose_trainable
from movieqa.train.training_model import Micro, Piece, TrainingModel
from tests.tiny_checkpoint import save_tiny_model
from tests.training_data import film_features, said, write_records

LONG = 65_536
FRAMES = 20_000
WORDS = 32_000
ROUNDS = 6
LENGTH, ROWS = 512, 2


def say(line: str) -> None:
    """Tell how far the benchmark is."""
    print(line, file=sys.stderr, flush=True)


def small(num_layers: int, width: int, context: int) -> MovieConfig:
    """Return a small model with the vocabulary of the real ones."""
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, image_size=112
        ),
        qformer_config=InstructBlipQFormerConfig(
            vocab_size=142, hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40
        ),
        text_config=LlamaConfig(
            vocab_size=WORDS,
            hidden_size=width,
            intermediate_size=width * 3,
            num_hidden_layers=num_layers,
            num_attention_heads=width // 64,
            num_key_value_heads=width // 64,
            pad_token_id=0,
            max_position_embeddings=context,
        ),
        num_query_tokens=8,
        max_context=context,
    )


def make_engine(config: TrainConfig, model_config: MovieConfig, device: torch.device) -> tuple[Engine, MovieConfig]:
    """Return an engine with random weights."""
    torch.manual_seed(0)
    dtype = torch.bfloat16 if config.compute.dtype == "bf16" else torch.float32
    with torch.device(device):
        model = MovieModel(model_config).to(dtype)
    choose_trainable(model, config.model.trains)
    training = TrainingModel(model, tile=config.compute.loss_tile, recomputes=config.compute.gradient_checkpointing)
    return Engine(training, config, join_processes(), num_steps=100, num_accumulated=1), model_config


def film_micro(model: MovieConfig, length: int, num_frames: int, device: torch.device) -> Micro:
    """Return a film of stored features with text, of which all text is learned: the most that a loss can be."""
    dice = torch.Generator().manual_seed(0)
    ids = torch.randint(3, model.language.vocab_size, (1, length), generator=dice)
    ids[0, : num_frames * model.num_tokens_per_frame] = -200
    targets = torch.where(ids < 0, -100, ids).roll(-1)
    targets[0, -1] = -100
    shape = (num_frames, 1 + model.num_patches, model.vision.hidden_size)
    features = torch.zeros(shape, dtype=torch.float16).normal_(generator=dice)
    media = Media(guidance_ids=torch.tensor([2, 9, 3]), features=features)
    return Micro(input_ids=ids.to(device), targets=targets.to(device), pieces=[[Piece(media=media)]])


def step_of(engine: Engine, micro: Micro) -> float:
    """Make an update; return its seconds."""
    started = time.perf_counter()
    engine.learn(micro, scale=1 / int((micro.targets >= 0).sum()), is_last=True)
    engine.update()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def long_step() -> None:
    """Make one step of 65,536 tokens on the CPU; runs in a process of its own, for its memory."""
    config = override(long_video(), ["compute.dtype=fp32", "parallel.zero_stage=0"])
    engine, model = make_engine(config, small(2, 64, LONG), torch.device("cpu"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = step_of(engine, film_micro(model, LONG, FRAMES, torch.device("cpu")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{seconds:.1f} {before:.2f} {peak:.2f}")


def compare_loops(folder: Path, *settings: str) -> tuple[float, float, float]:
    """Run training beside a bare transformers loop on the same model, in turns, so that what else runs hits both.

    Both learn rows of the same length by the same optimizer; ours reads them from a file of records and writes its
    metrics. Returns tokens a second of processor time of the bare loop and of ours, and the median ratio.
    """
    small_run = ("compute.dtype=fp32", "compute.gradient_checkpointing=false", "data.template=plain")
    rows = (f"schedule.samples_per_step={ROWS}", f"parallel.micro_batch={ROWS}", f"schedule.max_steps={ROUNDS + 1}")
    config = override(instruct(), [*small_run, *rows, "checkpoint.every=1000", *settings])
    model = ModelConfig(folder=str(folder / "model"), trains=("language_model",))
    config = replace(config, model=model, data=replace(config.data, files=(folder / "texts.json",)))
    bare = LlamaForCausalLM(MovieConfig.from_pretrained(model.folder).language)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=2e-5, fused=True)
    ids = torch.randint(3, 200, (ROWS, LENGTH))
    rounds: list[tuple[float, float]] = []
    marks = [time.process_time()]

    def bare_step(metrics: StepMetrics) -> None:
        ours = time.process_time() - marks[-1]
        assert metrics.tokens == ROWS * LENGTH and metrics.learned > 0.98 * metrics.tokens, metrics
        began = time.process_time()
        bare(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(bare.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        rounds.append((time.process_time() - began, ours))
        marks.append(time.process_time())

    out = folder / f"run-{len(list(folder.iterdir()))}"
    run_training(config, out, watch=bare_step)
    measured = rounds[1:]  # the first of each loads and reserves
    theirs, mine = (ROWS * LENGTH / median(one) for one in zip(*measured, strict=True))
    return theirs, mine, median(left / right for left, right in measured)


def write_texts(folder: Path) -> None:
    """Write a small model, and texts that fill rows of `LENGTH` tokens with it, each behind one frame."""
    model = small(4, 512, 2048)
    save_tiny_model(folder / "model", model)
    np.save(folder / "frame.npy", film_features(1))
    words = "the keeper of the light walks down to the boats " * LENGTH
    size = LENGTH - 2 - model.num_tokens_per_frame  # a byte is a token; a text has a first token and a last one
    texts = [words[number : number + size] for number in range(64)]
    records = [
        {"id": number, "video": "frame.npy", "conversations": said("<image>", text)}
        for number, text in enumerate(texts)
    ]
    write_records(folder / "texts.json", records)


def gpu_step() -> list[tuple[str, str, str]]:
    """Make steps of 65,536 tokens with random weights of 7B on a GPU, its optimizer in host memory."""
    device = torch.device("cuda")
    config = override(long_video(), ["compute.offload_activations=true"])
    engine, model = make_engine(config, llama_vid_7b(is_long=True), device)
    micro = film_micro(model, LONG, FRAMES, device)
    torch.cuda.reset_peak_memory_stats()
    step_of(engine, micro)
    seconds = min(step_of(engine, micro) for _ in range(2))
    with torch.device("meta"):
        shapes = MovieModel(model)
    choose_trainable(shapes, config.model.trains)
    needed = count_operations(shapes).of([LONG], num_frames=FRAMES, num_pictures=0)
    peak = peak_operations(device, None)
    used = "unknown" if peak is None else f"{needed / seconds / peak:.0%}"
    memory = torch.cuda.max_memory_allocated() / 1e9
    name = torch.cuda.get_device_name()
    return [
        (f"7B, 65,536 tokens, one {name}", f"{LONG / seconds:.0f} tokens/s, MFU {used}", f"{memory:.0f} GB on the GPU")
    ]


def main() -> None:
    """Measure and print the table."""
    if sys.argv[1:] == ["long"]:
        long_step()
        return
    torch.set_num_threads(2)
    say("65,536 tokens")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_train", "long"],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, before, peak = map(float, done.stdout.split()[-3:])
    torch.set_num_threads(1)
    loops = {
        "without ZeRO": ("parallel.zero_stage=0",),
        "ZeRO-2": ("parallel.offload_optimizer=false",),
        "ZeRO-2 and offload, as the recipe has it": (),
    }
    compared = {}
    with tempfile.TemporaryDirectory() as name:
        write_texts(Path(name))
        for what, settings in loops.items():
            say(f"beside a bare loop: {what}")
            compared[what] = compare_loops(Path(name), *settings)
    rows = [
        (
            f"one step of {LONG:,} tokens ({FRAMES:,} frames), float32, a small model",
            f"{seconds:.0f} s",
            f"{peak:.1f} GiB at most, {before:.1f} before it (aim: 8)",
        ),
    ]
    rows += [
        (
            f"`run_training` beside a bare transformers loop, {ROWS} x {LENGTH} tokens, one process, {what}",
            f"{mine:.0f} / {theirs:.0f} tokens/s of processor time",
            f"{ratio:.2f} (aim: at least 0.9)",
        )
        for what, (theirs, mine, ratio) in compared.items()
    ]
    if torch.cuda.is_available():
        rows += gpu_step()
    print("## Training\n")
    print("| what | speed | memory or ratio |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    if not torch.cuda.is_available():
        print("\nThe step with 7B on a GPU was not measured: no GPU.")


if __name__ == "__main__":
    np.random.seed(0)
    main()
