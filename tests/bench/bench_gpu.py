"""Measures the real size on a GPU: a random 7B model made on the device, beside what the hardware can do at most.

The limits are arithmetic: the operations that `movieqa.speed.work_of` counts, over what the card's maker promises for
dense 16-bit products; bytes read, over the promised bandwidth. For a card that is not in the list both are measured
with a bare product and a bare copy.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from movieqa.decoding import Decoding
from movieqa.features import FrameFeatures
from movieqa.film_tokens import FilmTokens
from movieqa.loaded import LoadedModel
from movieqa.model import MovieConfig, MovieModel
from movieqa.model.cache import CacheSettings
from movieqa.model.config import llama_vid_7b
from movieqa.model.loading import choose_attention
from movieqa.prefix import read_prefix
from movieqa.session import FilmSession, SessionConfig
from movieqa.speed import Speed, Work, measure_speed, work_of
from tests.bench.random_film import make_random_film
from tests.tiny_checkpoint import tiny_processor

CARDS = {"H200": (989e12, 4.8e12), "H100": (989e12, 3.35e12), "A100": (312e12, 2.0e12)}
"""Dense 16-bit operations and bytes a second, as the maker promises."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is measured; the real size by default."""

    config: MovieConfig
    device: str = "cuda"
    dtype: torch.dtype = torch.float16
    num_frames: int = 7200
    batch: int = 64
    batches: int = 8
    """Of frames, for the vision tower."""
    prompt_tokens: int = 65536
    chunk: int = 4096
    answer_tokens: int = 32
    rounds: int = 3


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; the limit is the best that the hardware allows."""

    what: str
    measured: str
    limit: str
    aim: str = ""

    def __str__(self) -> str:
        """Write it as Markdown."""
        return f"| {self.what} | {self.measured} | {self.limit} | {self.aim} |"


def make_model(scale: Scale) -> MovieModel:
    """Make a random model on the device, in its type: nothing is made on the host first."""
    scale.config._attn_implementation = choose_attention("auto", scale.device)
    before = torch.get_default_dtype()
    torch.set_default_dtype(scale.dtype)
    try:
        with torch.device(scale.device):
            return MovieModel(scale.config).eval()
    finally:
        torch.set_default_dtype(before)


def card_speed(scale: Scale) -> Speed:
    """Return what the device can do at most."""
    if scale.device == "cuda":
        name = torch.cuda.get_device_name()
        for card, (operations, bandwidth) in CARDS.items():
            if card in name:
                return Speed(operations=operations, bandwidth=bandwidth, source=f"promised for {name}")
    return measure_speed(scale.device, dtype=scale.dtype)


class Bench:
    """Measures one scale on one device, row by row."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.model = make_model(scale)
        self.speed = card_speed(scale)

    @torch.inference_mode()
    def tower(self) -> Row:
        """Measure the vision tower: frames a second."""
        scale, size = self.scale, self.scale.config.image_size
        pixels = torch.randn(scale.batch, 3, size, size, device=scale.device, dtype=scale.dtype)
        seconds = self._seconds(lambda: [self.model.encode_frames(pixels) for _ in range(scale.batches)])
        work = self._work(num_frames=scale.batch * scale.batches, prompt_tokens=1)
        return Row(
            what=f"vision tower, {scale.batch} frames at a time",
            measured=f"{scale.batch * scale.batches / seconds:,.0f} frames/s",
            limit=f"{scale.batch * scale.batches * self.speed.operations / work.features:,.0f} frames/s",
            aim="500 or more",
        )

    @torch.inference_mode()
    def prefill(self, settings: CacheSettings) -> list[Row]:
        """Measure the reading of a long prompt: seconds, and the most memory at once."""
        scale = self.scale
        language = self.model.language_model
        width = int(scale.config.language.hidden_size)
        prompt = torch.randn(1, scale.prompt_tokens, width, device=scale.device, dtype=scale.dtype) * 0.02
        self._forget_peak()
        seconds = self._seconds(lambda: read_prefix(language, prompt, settings, chunk=scale.chunk))
        work = self._work(num_frames=0, prompt_tokens=scale.prompt_tokens)
        attention = str(language.config._attn_implementation)
        what = f"{scale.prompt_tokens:,} tokens, {scale.chunk:,} at a time ({attention}, {settings.kind} cache)"
        return [
            Row(
                what=f"reading a prompt of {what}",
                measured=f"{seconds:.2f} s",
                limit=f"{work.prefill / self.speed.operations:.2f} s",
                aim="3.5 s",
            ),
            Row(what="its memory at most", measured=self._peak(), limit=f"{self._weight_bytes() / 1e9:.1f} GB weights"),
        ]

    @torch.inference_mode()
    def film(self, folder: Path) -> list[Row]:
        """Measure a film from stored features: token generation, first and further questions, writing."""
        scale = self.scale
        loaded = LoadedModel.of(self.model, tiny_processor(scale.config), name="random")
        film = make_random_film(folder, loaded, scale.num_frames)
        warm = self._generate(loaded, FrameFeatures.open(film, loaded.name, tower=loaded.tower))
        decoding = Decoding(max_new_tokens=scale.answer_tokens)
        config = SessionConfig(guidance="film", decoding=decoding, prefill_chunk=scale.chunk)
        session = FilmSession(film, loaded, config)
        self._forget_peak()
        first = self._timed(lambda: session.next_logits("Who?"))
        further = self._seconds(lambda: session.next_logits("What happens to Anna?"))
        reply = session.ask("Where is she?")
        work = self._work(num_frames=0, prompt_tokens=len(session.prompt("Who?")), frames_used=scale.num_frames)
        best = self.speed
        least = work.decode_bytes / best.bandwidth
        each = (reply.usage.seconds - further) / max(1, len(reply.token_ids) - 1)
        what = f"a film of {scale.num_frames:,} frames, {len(session.prompt('Who?')):,} tokens"
        return [
            Row(
                what=f"tokens of {scale.num_frames:,} frames for a further question",
                measured=f"{warm:.2f} s",
                limit=f"{work.frame_tokens / best.operations:.2f} s",
            ),
            Row(
                what=f"first token of the first question about {what}",
                measured=f"{first:.2f} s",
                limit=f"{(work.frame_tokens + work.prefill) / best.operations:.2f} s",
            ),
            Row(
                what="first token of a further question, the film cached",
                measured=f"{further:.3f} s",
                limit=f"{max(work.question / best.operations, least):.3f} s",
                aim="0.3 s",
            ),
            Row(
                what="writing, the film cached",
                measured=f"{each * 1e3:.1f} ms a token",
                limit=f"{least * 1e3:.1f} ms a token",
            ),
            Row(what="memory at most", measured=self._peak(), limit=f"{self._weight_bytes() / 1e9:.1f} GB weights"),
        ]

    def _generate(self, loaded: LoadedModel, features: FrameFeatures) -> float:
        """Return the seconds of a further question's frame tokens, the content tokens being there."""
        tokens = FilmTokens(self.model, features)
        guidance = loaded.processor.guidance_ids("Who gives Mara the key?")
        return self._seconds(lambda: tokens.tokens(range(len(features)), guidance, keep=False))

    def _work(self, *, num_frames: int, prompt_tokens: int, frames_used: int = 0) -> Work:
        language = self.scale.config.language
        heads = int(getattr(language, "num_key_value_heads", None) or language.num_attention_heads)
        width = int(language.hidden_size) // int(language.num_attention_heads)
        numbers = 2 * int(language.num_hidden_layers) * heads * width * prompt_tokens
        return work_of(
            self.scale.config,
            num_frames=num_frames,
            frames_used=frames_used,
            prompt_tokens=prompt_tokens,
            weight_bytes=sum(one.nbytes for one in self.model.language_model.parameters()),
            cache_bytes=numbers * self.scale.dtype.itemsize,
        )

    def _weight_bytes(self) -> int:
        return sum(one.nbytes for one in self.model.parameters())

    def _seconds(self, work: Callable[[], object]) -> float:
        """Return the median seconds of some work, after once to warm up."""
        self._timed(work)
        return median(self._timed(work) for _ in range(self.scale.rounds))

    def _timed(self, work: Callable[[], object]) -> float:
        self._settle()
        started = time.perf_counter()
        work()
        self._settle()
        return time.perf_counter() - started

    def _settle(self) -> None:
        if self.scale.device == "cuda":
            torch.cuda.synchronize()

    def _forget_peak(self) -> None:
        if self.scale.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def _peak(self) -> str:
        if self.scale.device != "cuda":
            return "not known here"
        return f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB"


def measure(scale: Scale) -> str:
    """Measure a scale and write its table."""
    bench = Bench(scale)
    rows = [bench.tower()]
    print(rows[-1], file=sys.stderr, flush=True)
    for kind in ("dynamic", "static"):
        rows += bench.prefill(CacheSettings(kind=kind))
        print(rows[-2], file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows += bench.film(Path(folder))
    million = sum(one.numel() for one in bench.model.parameters()) / 1e6
    head = (
        f"A random model of {million:,.0f} million parameters, {str(scale.dtype).removeprefix('torch.')}; limits: "
        f"{bench.speed.source} ({bench.speed.operations / 1e12:,.0f} TFLOP/s, {bench.speed.bandwidth / 1e12:.1f} TB/s)."
    )
    table = "| what | measured | the hardware at most | aim |\n|---|---|---|---|\n" + "\n".join(map(str, rows))
    return f"## The real size on a GPU\n\n{head}\n\n{table}"


def main() -> None:
    """Measure the 7B film model where there is a GPU; say so where there is none."""
    if not torch.cuda.is_available():
        print("no GPU here: the real size was not measured", file=sys.stderr)
        return
    print(measure(Scale(config=llama_vid_7b(is_long=True))))


if __name__ == "__main__":
    main()
