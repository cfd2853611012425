"""The rows of a log: the run itself, one a film, one a sample, and the end; each is one line of JSON.

What two equal runs share stands in the row; what no two runs share (seconds, memory, when and where) stands under
`measured`, so that the content of logs can be compared.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from movieqa.errors import EvaluationError
from movieqa.workspace import Workspace

from .prediction import Prediction
from .sample import Moment, Reference, Sample

SCHEMA = 1
MEASURED = "measured"
_PREDICTED = ("status", "text", "names", "error", "prompt_tokens", "answer_tokens", "frames_used", "frames_dropped")


def digest_content(value: Any) -> str:
    """Return `sha256:` and the digest of a value's canonical JSON; lone surrogates and all.

    Raises:
        ValueError: A number is not finite.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """What a run depends on; the first row of its log.

    Attributes:
        settings: What was asked for, by flag.
        model: Name and digest of what answers.
        data: Name, benchmark and digest of the samples, and how many samples and films they are.
        prompt: Digest of all questions as they are put.
        versions: Of movieqa and of the libraries that can change an answer.
    """

    settings: Mapping[str, Any]
    model: Mapping[str, Any]
    data: Mapping[str, Any]
    prompt: str
    versions: Mapping[str, str]

    def as_row(self) -> dict[str, Any]:
        """Return the row without what is measured."""
        return {"kind": "run", "schema": SCHEMA, **asdict(self)}

    def difference(self, other: RunHeader) -> str | None:
        """Say in a few words what of another header is not as here; None where all is."""
        for name in ("settings", "model", "data", "versions"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for key in sorted({*mine, *theirs}):
                if mine.get(key) != theirs.get(key):
                    return f"{name} {key} was {_short(mine.get(key))} and is {_short(theirs.get(key))} now"
        return None if self.prompt == other.prompt else "the questions were put in other words"


@dataclass(frozen=True, kw_only=True)
class FilmRow:
    """What a film was when it was asked about.

    Attributes:
        film: Name, as the samples give it.
        error: One line saying why it could not be opened; None where it could.
        digest: Of every file of the workspace that an answer may depend on.
        duration: Seconds.
        num_shots: Shots found.
        num_subtitles: Lines read.
        num_frames: Frames sampled.
        first_frame: Time of the first one, in seconds.
        last_frame: Time of the last one.
        frame_spacing: Mean seconds between two; 0 where there is one.
        frame_times: Digest of all times, as Float64[T].
        seconds: Wall time of opening it, and of preprocessing what was missing.
        peak_bytes: Most memory of the process up to then.
    """

    film: str
    error: str | None = None
    digest: str = ""
    duration: float = 0.0
    num_shots: int = 0
    num_subtitles: int = 0
    num_frames: int = 0
    first_frame: float = 0.0
    last_frame: float = 0.0
    frame_spacing: float = 0.0
    frame_times: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0

    @classmethod
    def of(cls, film: str, workspace: Workspace, *, model: str | None = None) -> FilmRow:
        """Describe an open workspace.

        Args:
            film: Its name.
            workspace: The film.
            model: Whose features answers depend on; those of other models do not count.
        """
        times = workspace.frames.times
        features = f"features/{model}/"
        files = {
            name: entry.digest
            for name, entry in workspace.files.items()
            if not name.startswith("features/") or name.startswith(features)
        }
        return cls(
            film=film,
            digest=digest_content(files),
            duration=workspace.duration,
            num_shots=len(workspace.shots),
            num_subtitles=len(workspace.subtitles),
            num_frames=len(times),
            first_frame=float(times[0]),
            last_frame=float(times[-1]),
            frame_spacing=round(float(times[-1] - times[0]) / max(1, len(times) - 1), 6),
            frame_times=f"sha256:{hashlib.sha256(times.astype('<f8').tobytes()).hexdigest()}",
        )

    def as_row(self) -> dict[str, Any]:
        """Return the row."""
        content = asdict(self)
        measured = {"seconds": round(content.pop("seconds"), 3), "peak_bytes": content.pop("peak_bytes")}
        return {"kind": "film", **content, MEASURED: measured}


@dataclass(frozen=True, kw_only=True)
class EndRow:
    """The last row: how many samples ended how, and the digest of all content before it."""

    counts: Mapping[str, int] = field(default_factory=dict)
    content: str = ""


def sample_key(sample: Sample, header: RunHeader) -> str:
    """Return the digest of a sample, the settings and the model: the same answer is due to the same key."""
    return digest_content([asdict(sample), dict(header.settings), dict(header.model)])


def prediction_row(prediction: Prediction, key: str) -> dict[str, Any]:
    """Return a prediction as a row."""
    content = {name: getattr(prediction, name) for name in _PREDICTED}
    return {
        "kind": "sample",
        "key": key,
        "sample": _without_defaults(asdict(prediction.sample)),
        **content,
        "spans": [_without_defaults(asdict(span)) for span in prediction.spans],
        MEASURED: {"seconds": round(prediction.seconds, 6), "peak_bytes": prediction.peak_bytes},
    }


def dump_row(row: Mapping[str, Any]) -> bytes:
    """Write a row as one line.

    Raises:
        EvaluationError: A number is not finite.
    """
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise EvaluationError(f"a row of the log holds a number that is none ({error})") from None
    return text.encode(errors="backslashreplace") + b"\n"  # a lone surrogate becomes its JSON escape


def load_row(line: bytes) -> dict[str, Any]:
    """Read a line of a log.

    Raises:
        ValueError: It is no row.
    """
    row = json.loads(line, parse_constant=_refuse_constant)
    if not isinstance(row, dict) or row.get("kind") not in ("run", "film", "sample", "end"):
        raise ValueError("it is no row of a log")
    return row


def content_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without what is measured."""
    return {key: value for key, value in row.items() if key != MEASURED}


def load_header(row: Mapping[str, Any]) -> RunHeader:
    """Read the first row.

    Raises:
        ValueError: It is none, or of another schema.
    """
    if row.get("kind") != "run":
        raise ValueError("it does not begin with a run")
    if row["schema"] != SCHEMA:
        raise ValueError(f"it has schema {row['schema']!r}, this movieqa reads {SCHEMA}")
    return RunHeader(
        settings=dict(row["settings"]),
        model=dict(row["model"]),
        data=dict(row["data"]),
        prompt=str(row["prompt"]),
        versions=dict(row["versions"]),
    )


def load_film(row: Mapping[str, Any]) -> FilmRow:
    """Read a film's row.

    Raises:
        ValueError: It lacks something, or a number is none.
        TypeError: It holds something else.
    """
    content = {key: value for key, value in row.items() if key not in ("kind", MEASURED)}
    return FilmRow(**content, **row[MEASURED])


def load_prediction(row: Mapping[str, Any]) -> Prediction:
    """Read a sample's row.

    Raises:
        ValueError: It lacks something, or a value cannot be.
        TypeError: It holds something else.
    """
    measured = row[MEASURED]
    content = {name: row[name] for name in _PREDICTED}
    return Prediction(
        sample=load_sample(row["sample"]),
        **{**content, "names": tuple(content["names"])},
        spans=tuple(_moment(span) for span in row["spans"]),
        seconds=float(measured["seconds"]),
        peak_bytes=int(measured["peak_bytes"]),
    )


def load_sample(value: Mapping[str, Any]) -> Sample:
    """Read a sample as rows hold it.

    Raises:
        ValueError: A value cannot be.
        TypeError: It holds something else.
    """
    fields: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
    fields["spans"] = tuple(_moment(span) for span in value.get("spans", ()))
    fields["references"] = tuple(Reference(**reference) for reference in value.get("references", ()))
    return Sample(**fields)


def _moment(value: Mapping[str, Any]) -> Moment:
    moment = Moment(**value)
    if not all(isinstance(time, int | float) and math.isfinite(time) for time in (moment.start, moment.end)):
        raise ValueError("a moment needs two times")
    return moment


def _without_defaults(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, which is how the records begin."""
    return {key: item for key, item in value.items() if item not in ((), {}, None)}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
