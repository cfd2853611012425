"""What the scanning child is told, and what it answers: one line of JSON each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from movieqa import movie_files
from movieqa.movie import VideoInfo

DetectorName = Literal["transitions", "content", "adaptive", "histogram", "hash", "threshold", "transnet"]
DETECTORS: tuple[DetectorName, ...] = get_args(DetectorName)
"""What can find the shots: ours, PySceneDetect's, and TransNetV2."""


@dataclass(frozen=True, kw_only=True)
class ScanJob:
    """One film to scan."""

    path: Path
    video: VideoInfo
    output: Path
    """Folder to write into."""
    fps: float
    max_frames: int | None
    detector: str
    transnet: Path | None

    def dump(self) -> str:
        """Write the job as one line."""
        return json.dumps(
            {
                **asdict(self),
                "path": str(self.path),
                "output": str(self.output),
                "transnet": str(self.transnet) if self.transnet else None,
                "video": movie_files.dump_video(self.video),
            }
        )

    @classmethod
    def load(cls, line: str) -> ScanJob:
        """Read what `dump` wrote."""
        content = json.loads(line)
        return cls(
            **{
                **content,
                "path": Path(content["path"]),
                "output": Path(content["output"]),
                "transnet": Path(content["transnet"]) if content["transnet"] else None,
                "video": movie_files.load_video(content["video"].encode()),
            }
        )


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """What the child says: how far it is, that it is done, or why it cannot go on."""

    state: Literal["working", "done", "video error", "missing dependency", "config error", "os error"]
    time: float = 0.0
    """Seconds of film that were read."""
    fraction: float = 0.0
    """Of the work, 0 to 1."""
    notes: tuple[str, ...] = ()
    message: str = ""
    hint: str = ""
    errno: int = 0

    def dump(self) -> str:
        """Write the report as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, line: str | bytes) -> ScanReport:
        """Read what `dump` wrote."""
        content = json.loads(line)
        return cls(**{**content, "notes": tuple(content["notes"])})
