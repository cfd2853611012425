"""Makes small training data: pictures, a lossless clip, film features, and files of records that name them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from movieqa.train.data.config import DataConfig
from movieqa.train.data.training_set import TrainingSet, open_training_set
from tests.tiny_checkpoint import tiny_processor


def said(*texts: str, human: str = "human", gpt: str = "gpt") -> list[dict[str, str]]:
    """Return a conversation, the human first."""
    return [{"from": gpt if index % 2 else human, "value": text} for index, text in enumerate(texts)]


def write_records(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    """Write records: JSON lines where the name says so, else an array."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) if path.suffix == ".jsonl" else f"[{', '.join(lines)}]", encoding="utf-8")
    return path


def write_picture(path: Path, *, seed: int = 0, size: tuple[int, int] = (40, 30)) -> Path:
    """Write a picture of noise; `size` is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_clip(path: Path, frames: NDArray[np.uint8], *, rate: int = 1) -> Path:
    """Write frames, UInt8[T, H, W, 3], without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def noise_clip(path: Path, *, num_frames: int = 4, rate: int = 1, seed: int = 0) -> Path:
    """Write a clip of noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (num_frames, 32, 48, 3), dtype=np.uint8)
    return write_clip(path, pixels, rate=rate)


def film_features(num_frames: int, *, seed: int = 0) -> NDArray[np.float16]:
    """Return features that the tiny model takes, Float16[T, 65, 32]."""
    return np.random.default_rng(seed).standard_normal((num_frames, 65, 32)).astype(np.float16)


def write_movienet_film(folder: Path, film: str) -> None:
    """Write MovieNet's tables of a film of one minute: three shots, four key frames, two lines."""
    for name in ("shot", "meta", "subtitle"):
        (folder / name).mkdir()
    (folder / "shot" / f"{film}.txt").write_text("0 20 3 10\n20 40 30\n40 60 50\n")
    (folder / "meta" / f"{film}.json").write_text(json.dumps({"version": [{"runtime": "1 min"}]}))
    lines = "1\n00:00:02,000 --> 00:00:04,000\n<i>Run...</i>\n\n2\n00:00:33,000 --> 00:00:34,500\n42\n"
    (folder / "subtitle" / f"{film}.srt").write_text(lines)


def open_records(folder: Path, records: Sequence[dict[str, Any]], **settings: Any) -> TrainingSet:
    """Write records into `folder/data.json` and open them with the tiny model's processor."""
    processor = tiny_processor()
    config = DataConfig(files=(write_records(folder / "data.json", records),), **settings)
    return open_training_set(config, processor, processor.config)
