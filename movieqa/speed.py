"""How fast a device is, and how much work a film is: together an estimate of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from movieqa.model.config import MovieConfig

_EFFICIENCY = 0.5  # of a bare matrix product's speed, that a whole model reaches
_GUIDANCE_TOKENS = 20
_QUESTION_TOKENS = 40


@dataclass(frozen=True, kw_only=True)
class Work:
    """Operations (a multiplication and an addition are two) and bytes read.

    Attributes:
        features: Operations of the vision tower on all sampled frames.
        frame_tokens: Operations of text decoder and projectors on the frames used.
        prefill: Operations of reading the prompt.
        question: Operations of reading a question after a prompt that is cached.
        decode_bytes: Bytes read for every word that is written.
    """

    features: float
    frame_tokens: float
    prefill: float
    question: float
    decode_bytes: float


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds, estimated.

    Attributes:
        features: For the features, once a film.
        first_token: To the first word of an answer.
        next_first_token: To the first word of a further answer, with `guidance="film"`.
        tokens_per_second: Words of an answer.
    """

    features: float
    first_token: float
    next_first_token: float
    tokens_per_second: float


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What a device does.

    Attributes:
        operations: Of a large matrix product, a second.
        bandwidth: Bytes of memory read a second.
        source: Where the figures come from.
    """

    operations: float
    bandwidth: float
    source: str

    def times(self, work: Work) -> Times:
        """Estimate how long work takes."""
        rate = self.operations * _EFFICIENCY
        read = work.decode_bytes / self.bandwidth
        return Times(
            features=work.features / rate,
            first_token=(work.frame_tokens + work.prefill) / rate + read,
            next_first_token=work.question / rate + read,
            tokens_per_second=1 / read,
        )


def work_of(
    config: MovieConfig,
    *,
    num_frames: int,
    frames_used: int,
    prompt_tokens: int,
    weight_bytes: int,
    cache_bytes: int,
) -> Work:
    """Count the work of a film with a model.

    Example:
        >>> from movieqa.model.config import llama_vid_7b
        >>> work = work_of(llama_vid_7b(), num_frames=7200, frames_used=7200, prompt_tokens=28020,
        ...     weight_bytes=0, cache_bytes=0)
        >>> round(work.features / 1e15, 2), round(work.frame_tokens / 1e12), round(work.prefill / 1e12)
        (3.75, 117, 569)
    """
    vision, reader, language = config.vision, config.qformer, config.language
    rows, width = 1 + config.num_patches, int(vision.hidden_size)
    block = 2 * rows * (4 * width**2 + 2 * width * int(vision.intermediate_size)) + 4 * rows**2 * width
    tower = int(vision.num_hidden_layers) * block

    size, layers = int(reader.hidden_size), int(reader.num_hidden_layers)
    texts = config.num_query_tokens + _GUIDANCE_TOKENS
    crossing = -(-layers // int(reader.cross_attention_frequency))
    own = layers * 2 * texts * (4 * size**2 + 2 * size * int(reader.intermediate_size))
    across = crossing * 4 * (config.num_patches * width * size + config.num_query_tokens * size**2)
    folding = 4 * config.num_query_tokens * width * (config.num_patches + width)
    output = int(language.hidden_size)
    projecting = 2 * width * output + config.num_content_tokens * 2 * output * (width + output)

    depth, hidden = int(language.num_hidden_layers), int(language.intermediate_size)
    heads = int(language.num_attention_heads)
    groups = int(getattr(language, "num_key_value_heads", None) or heads)
    linear = depth * (2 * output**2 * (1 + groups / heads) + 3 * output * hidden)

    def read(new: int, before: int) -> float:
        return 2 * linear * new + 4 * depth * output * new * (before + new / 2)

    return Work(
        features=float(num_frames * tower),
        frame_tokens=float(frames_used * (own + across + folding + projecting)),
        prefill=read(prompt_tokens, 0),
        question=read(_QUESTION_TOKENS, prompt_tokens),
        decode_bytes=weight_bytes + cache_bytes,
    )


def measure_speed(device: str = "cpu", *, dtype: torch.dtype = torch.float32, seconds: float = 0.3) -> Speed:
    """Measure a device for a moment: a large matrix product, and a copy of memory.

    Args:
        device: The device.
        dtype: Of the numbers that are multiplied.
        seconds: How long each of the two is measured.
    """
    side = 4096 if torch.device(device).type == "cuda" else 1024
    matrix = torch.ones(side, side, device=device, dtype=dtype)
    memory = torch.ones((1 << 28) // 4, device=device)
    target = torch.empty_like(memory)
    product = _rate(lambda: torch.mm(matrix, matrix), device, seconds)
    copy = _rate(lambda: target.copy_(memory), device, seconds)
    return Speed(
        operations=2 * side**3 * product,
        bandwidth=2 * memory.nbytes * copy,
        source=f"matrix products and copies measured on this {device} just now",
    )


def _rate(run: Callable[[], Tensor], device: str, seconds: float) -> float:
    """Return how often a second something runs."""

    def settle() -> None:
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize()

    run()
    settle()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds or count < 2:
        run()
        settle()
        count += 1
    return count / (time.perf_counter() - started)


def available_memory(device: str = "cpu") -> int | None:
    """Return the bytes of memory that are free on a device; None where that cannot be told."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
