"""What a run learns from: files of records, folders of media, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from movieqa.errors import ConfigError

Times = Literal["relative", "absolute"]
People = Literal["names", "slots", "both"]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a run learns from.

    Attributes:
        files: JSON or JSON lines, of any format that `movieqa data check` knows; formats may be mixed.
        weights: How often each file is used, in the order of `files`: 2 takes every sample twice, 0.1 every tenth.
            All once by default.
        media: Folders that hold what records name; by default the folder of each file. Nothing outside is opened.
        features: Name of the model whose stored features are used, where a workspace holds several.
        template: Chat template; the model's own by default.
        max_length: Tokens of the longest sample. A film beyond it loses frames, a dialogue its last turns.
        max_bad: Samples that may be bad; one more stops the run.
        packing: Put several samples into one row of at most `max_length` tokens, without one reading another.
        group_by_length: Let samples of about the same length share a step.
        fps: Frames a second of a video.
        max_frames: Most frames of a video, spread evenly.
        boundary_frames: Frames of a video whose times are relative, spread evenly.
        times: How symbolic times are written: `relative`, 00 to 99 of the video, or `absolute`, hh:mm:ss.
        pad_pictures: Whether pictures are padded to a square before they are resized; as the model was trained by
            default. LLaMA-VID cuts their middle out in stage 1, and pads in stages 2 and 3.
        repeats_media: Show a picture or video again in every turn about it, as LLaMA-VID was trained; films never.
        reference_compatible: Take what the published code takes: times outside the video, unknown symbols of time.
        people: How records with reference pictures are written: by `names`, as IDA-VLM published them; by `slots`, as
            films are asked about with `cast_form="slots"`; or `both`, each record in one way by chance.
        identity_tokens: Tokens made of a person's pictures that stand beside their slot.
        seed: Of the places of repeated pictures, of slots, and of the choice that weights below 1 make.
        num_workers: Threads that read the next step while one is learned; 0 reads a sample when it is needed.
        stall_seconds: A video's decoder is killed when it says nothing for so long.
    """

    files: tuple[Path, ...] = ()
    weights: tuple[float, ...] = ()
    media: tuple[Path, ...] = ()
    features: str | None = None
    template: str | None = None
    max_length: int = 2048
    max_bad: int = 0
    packing: bool = False
    group_by_length: bool = True
    fps: float = 1.0
    max_frames: int | None = None
    boundary_frames: int = 100
    times: Times = "relative"
    pad_pictures: bool | None = None
    repeats_media: bool = True
    reference_compatible: bool = False
    people: People = "names"
    identity_tokens: int = 4
    seed: int = 42
    num_workers: int = 4
    stall_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Check every setting.

        Raises:
            ConfigError: If one cannot work.
        """
        if self.weights and len(self.weights) != len(self.files):
            raise ConfigError(f"data.weights are {len(self.weights)} for {len(self.files)} files")
        if any(not 0 < weight <= 100 for weight in self.weights):
            raise ConfigError("data.weights must be above 0 and at most 100", hint="leave a file out instead of 0")
        if self.max_length < 16 or self.boundary_frames < 1 or (self.max_frames is not None and self.max_frames < 1):
            raise ConfigError("data.max_length must be at least 16, numbers of frames at least 1")
        if self.max_bad < 0 or self.num_workers < 0:
            raise ConfigError("data.max_bad and data.num_workers must not be negative")
        if not 0 < self.fps <= 1000 or not self.stall_seconds > 0:
            raise ConfigError("data.fps must be above 0 and at most 1000, data.stall_seconds above 0")
        if self.people not in ("names", "slots", "both"):
            raise ConfigError(f"data.people={self.people} is not one of names, slots, both")
        if self.identity_tokens < 1:
            raise ConfigError(f"data.identity_tokens={self.identity_tokens} must be at least 1")
        if self.times not in ("relative", "absolute"):
            raise ConfigError(f"data.times={self.times} is not one of relative, absolute")
