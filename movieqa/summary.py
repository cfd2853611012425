"""What `movieqa info` tells of a workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from movieqa.plain_text import strip_controls
from movieqa.times import format_time
from movieqa.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class WorkspaceSummary:
    """A workspace in a few figures."""

    path: str
    film: str
    digest: str
    duration: float
    """Seconds that could be read."""
    width: int
    height: int
    rate: float
    num_shots: Mapping[str, int]
    """By how they begin."""
    num_frames: int
    num_subtitles: int
    num_bytes: int
    """Of all files."""
    steps: Mapping[str, tuple[str, ...]]
    """Finished steps and their notes."""
    versions: Mapping[str, str]
    is_verified: bool
    """Whether every byte was checked just now."""

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON types."""
        return asdict(self)


def summarise(workspace: Workspace, *, verify: bool = False) -> WorkspaceSummary:
    """Read a workspace's tables and sum them up.

    Raises:
        WorkspaceError: A table is damaged; with `verify`, any file is.
    """
    if verify:
        workspace.verify()
    video = workspace.video
    return WorkspaceSummary(
        path=str(workspace.path),
        film=video.name,
        digest=video.digest,
        duration=workspace.duration,
        width=video.width,
        height=video.height,
        rate=float(video.rate),
        num_shots=dict(Counter(shot.kind for shot in workspace.shots)),
        num_frames=len(workspace.frames),
        num_subtitles=len(workspace.subtitles),
        num_bytes=sum(entry.num_bytes for entry in workspace.files.values()),
        steps={name: step.notes for name, step in workspace.steps.items()},
        versions=dict(workspace.manifest.versions),
        is_verified=verify,
    )


def render_summary(summary: WorkspaceSummary) -> str:
    """Write a summary for people."""
    shots = ", ".join(f"{count} {kind}" for kind, count in summary.num_shots.items())
    lines = [
        f"film       {summary.film}",
        f"picture    {summary.width}x{summary.height}, {summary.rate:.5g} frames/s, {format_time(summary.duration)}",
        f"shots      {sum(summary.num_shots.values())} ({shots})",
        f"frames     {summary.num_frames}",
        f"subtitles  {summary.num_subtitles}",
        f"on disk    {summary.num_bytes / 1e6:.1f} MB in {summary.path}{', verified' if summary.is_verified else ''}",
        f"steps      {', '.join(summary.steps)}",
        f"made by    {', '.join(f'{name} {number}' for name, number in summary.versions.items())}",
    ]
    lines += [f"note       {step}: {note}" for step, notes in summary.steps.items() for note in notes]
    return "\n".join(strip_controls(" ".join(line.splitlines())) for line in lines)
