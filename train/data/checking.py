"""What a run would see of its data, before it starts: formats, lengths, frames, what is cut, what is bad and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from movieqa.errors import TrainingError
from movieqa.model import MovieConfig, MovieProcessor

from .config import DataConfig
from .sample import BadSample
from .training_set import TrainingSet, open_training_set
from .workspaces import ReadTower

_MOST_BAD = 1 << 40
_MOST_LINES = 100


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A sum and how it is spread."""

    total: int
    least: int
    median: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Samples of lengths from `start` on, below `end`."""

    start: int
    end: int
    num_samples: int


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What a run would see.

    Attributes:
        digest: Of the data and all that decides how it is read; a resumed run must have the same.
        num_samples: Good samples, as often as weights repeat them.
        formats: Good samples by format.
        tokens: Of all samples, frame tokens included.
        learned: Tokens that are learned.
        frames: Of all samples.
        histogram: Samples by length; each bucket is twice as wide as the one before.
        num_cut: Samples that are too long and lose something.
        cut_frames: Frames they lose.
        cut_turns: Questions they lose with their answers.
        cut_tokens: Tokens at the end of answers they lose.
        bad: Samples that cannot be used.
        is_deep: Whether every medium was read to its end.
    """

    digest: str
    num_samples: int
    formats: dict[str, int]
    tokens: Spread | None
    learned: Spread | None
    frames: Spread | None
    histogram: tuple[Bucket, ...]
    num_cut: int
    cut_frames: int
    cut_turns: int
    cut_tokens: int
    bad: tuple[BadSample, ...]
    is_deep: bool

    def describe(self) -> str:
        """Write the report for people."""
        lines = [f"{self.num_samples} samples, {len(self.bad)} bad"]
        lines += [f"  {name}: {count}" for name, count in sorted(self.formats.items())]
        for name, spread in (("tokens", self.tokens), ("learned", self.learned), ("frames", self.frames)):
            if spread is not None:
                values = f"{spread.least} to {spread.most}, median {spread.median}"
                lines.append(f"{name}: {spread.total:,} ({values})")
        lines += [f"  {bar.start:>6} to {bar.end - 1:<6} {bar.num_samples}" for bar in self.histogram]
        if self.num_cut:
            lost = f"{self.cut_frames} frames, {self.cut_turns} turns, {self.cut_tokens} tokens of answers"
            lines.append(f"cut: {self.num_cut} samples are too long and lose {lost}")
        lines += [f"bad: {one}" for one in self.bad[:_MOST_LINES]]
        if len(self.bad) > _MOST_LINES:
            lines.append(f"and {len(self.bad) - _MOST_LINES} more, which --json tells")
        if not self.is_deep:
            lines.append("media were found and measured, not read; --deep reads every one")
        return "\n".join(lines)


def check_data(
    config: DataConfig,
    processor: MovieProcessor,
    model_config: MovieConfig,
    *,
    read_tower: ReadTower | None = None,
    is_deep: bool = False,
    progress: bool = False,
) -> DataReport:
    """Open the data of a run as the run would, and tell what is in it; bad samples are listed, however many.

    Args:
        config: Files, folders and limits.
        processor: Of the model that is to be trained.
        model_config: Its configuration.
        read_tower: Returns the fingerprint of its vision tower, as in `open_training_set`.
        is_deep: Read every medium too: pictures decoded, videos to their end, features searched for NaN.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: If a file cannot be read.
    """
    lenient = replace(config, max_bad=_MOST_BAD)
    bad: list[BadSample] = []
    try:
        data = open_training_set(
            lenient, processor, model_config, read_tower=read_tower, progress=progress, found_bad=bad
        )
    except TrainingError:
        if not bad:
            raise
        return _report(None, tuple(bad), is_deep=is_deep)
    if is_deep:
        for index in tqdm(range(len(data)), desc="media", unit="sample", disable=not progress):
            _ = data[index]
    return _report(data, data.bad, is_deep=is_deep)


def _report(data: TrainingSet | None, bad: tuple[BadSample, ...], *, is_deep: bool) -> DataReport:
    samples = () if data is None else data.samples
    return DataReport(
        digest="" if data is None else data.digest,
        num_samples=len(samples),
        formats=dict(Counter(sample.format for sample in samples)),
        tokens=_spread([sample.num_tokens for sample in samples]),
        learned=_spread([sample.num_learned for sample in samples]),
        frames=_spread([sample.num_frames for sample in samples]),
        histogram=histogram([sample.num_tokens for sample in samples]),
        num_cut=sum(bool(sample.cuts) for sample in samples),
        cut_frames=sum(sample.cuts.frames for sample in samples),
        cut_turns=sum(sample.cuts.turns for sample in samples),
        cut_tokens=sum(sample.cuts.tokens for sample in samples),
        bad=bad,
        is_deep=is_deep,
    )


def histogram(lengths: list[int]) -> tuple[Bucket, ...]:
    """Count lengths in buckets that begin at powers of two; empty ones at either end are left out.

    Example:
        >>> [(bucket.start, bucket.num_samples) for bucket in histogram([5, 6, 17])]
        [(4, 2), (8, 0), (16, 1)]
    """
    if not lengths:
        return ()
    counts = Counter(length.bit_length() - 1 for length in lengths)
    return tuple(
        Bucket(start=1 << power, end=2 << power, num_samples=counts[power])
        for power in range(min(counts), max(counts) + 1)
    )


def _spread(values: list[int]) -> Spread | None:
    if not values:
        return None
    return Spread(total=sum(values), least=min(values), median=int(np.median(values)), most=max(values))
