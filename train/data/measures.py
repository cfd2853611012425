"""Measures of all samples, kept between runs: measuring a million samples takes minutes, and each process needs them.

They are kept in the user's cache, under the digest of everything they follow from, and used as long as no medium has
another size or date. Only data without a bad sample is kept, so that what was missing is looked for again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import platformdirs

from movieqa.model import MovieProcessor
from movieqa.prompt import Turn
from movieqa.storage import digest_json
from movieqa.workspace import SUFFIX

from .record_files import RecordPlace
from .sample import Cuts

_SCHEMA = 1
_LEAST_SAMPLES = 1000
"""Fewer are measured again in a moment."""
_MOST_FILES = 8


@dataclass(frozen=True, kw_only=True)
class SampleFacts:
    """What is known of a sample without reading its media.

    Attributes:
        file: Which of the files it is in.
        number: Of its record there, from 1.
        place: Where the record stands.
        format: Name of its format.
        num_tokens: Its length, frame tokens and subtitles included.
        num_learned: Tokens that are learned.
        num_frames: Frames of all its media.
        cuts: What was left out because it is too long.
    """

    file: int
    number: int
    place: RecordPlace
    format: str
    num_tokens: int
    num_learned: int
    num_frames: int
    cuts: Cuts


def signature_of(path: Path) -> str:
    """Return size and date of a medium; those of its manifest where it is a workspace.

    Raises:
        OSError: If it is not there.
    """
    found = (path / "manifest.json" if path.name.endswith(SUFFIX) else path).stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def measures_key(file_digest: str, settings_digest: str, folders: Sequence[Path], processor: MovieProcessor) -> str:
    """Return the digest of everything that measures follow from, media aside."""
    talk = processor.render([Turn(role="user", text="a"), Turn(role="assistant", text="b")])
    content = {
        "schema": _SCHEMA,
        "file": file_digest,
        "settings": settings_digest,
        "folders": [str(folder.resolve()) for folder in folders],
        "vocabulary": digest_json(processor.tokenizer.get_vocab()),
        "template": [talk.text, list(talk.answers)],
    }
    return digest_json(content).removeprefix("sha256:")[:32]


def save_measures(key: str, samples: Sequence[SampleFacts], media: Mapping[Path, str]) -> None:
    """Keep the measures of a file's samples; a cache that cannot be written is left as it is.

    Args:
        key: From `measures_key`.
        samples: All of a file's.
        media: Signatures of all media that they name.
    """
    if len(samples) < _LEAST_SAMPLES:
        return
    formats = sorted({sample.format for sample in samples})
    rows = np.array(
        [
            (
                sample.number,
                sample.place.start,
                sample.place.length,
                formats.index(sample.format),
                sample.num_tokens,
                sample.num_learned,
                sample.num_frames,
                sample.cuts.frames,
                sample.cuts.turns,
                sample.cuts.tokens,
            )
            for sample in samples
        ],
        dtype=np.int64,
    )
    told = json.dumps({"formats": formats, "media": {str(path): signature for path, signature in media.items()}})
    folder = _folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, suffix=".tmp")  # processes of one run write at the same time
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez_compressed(file, rows=rows, told=np.frombuffer(told.encode(), np.uint8))
            Path(name).replace(folder / f"{key}.npz")
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        for old in sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)[:-_MOST_FILES]:
            old.unlink(missing_ok=True)


def load_measures(key: str, *, file: int) -> list[SampleFacts] | None:
    """Return the kept measures of a file's samples; None where there are none, or a medium has changed.

    Args:
        key: From `measures_key`.
        file: Which of the run's files it is.
    """
    try:
        with np.load(_folder() / f"{key}.npz", allow_pickle=False) as kept:
            rows, told = kept["rows"], json.loads(kept["told"].tobytes())
        if any(signature_of(Path(path)) != signature for path, signature in told["media"].items()):
            return None
        return [_facts(file, [int(value) for value in row], told["formats"]) for row in rows]
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, BadZipFile, EOFError):
        return None


def _facts(file: int, row: list[int], formats: list[str]) -> SampleFacts:
    number, start, length, form, num_tokens, num_learned, num_frames, frames, turns, tokens = row
    return SampleFacts(
        file=file,
        number=number,
        place=RecordPlace(start=start, length=length),
        format=formats[form],
        num_tokens=num_tokens,
        num_learned=num_learned,
        num_frames=num_frames,
        cuts=Cuts(frames=frames, turns=turns, tokens=tokens),
    )


def _folder() -> Path:
    return platformdirs.user_cache_path("movieqa") / "training"
