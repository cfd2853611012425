"""Makes small real workspaces whose people are coloured squares, and the provider that sees them (see tiny_onnx)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av

from movieqa import movie_files
from movieqa.builder import WorkspaceBuilder
from movieqa.memory.onnx_faces import OnnxConfig, OnnxProvider
from movieqa.memory.sface import SFaceProvider
from movieqa.workspace import Workspace
from tests.tiny_onnx import draw_squares, make_recogniser, make_scrfd, make_yunet
from tests.workspaces import make_shots, make_workspace

SIZE = (640, 480)
COLOURS = {
    "red": (255, 60, 60),
    "green": (60, 255, 60),
    "blue": (70, 70, 255),
    "yellow": (240, 230, 30),
    "pink": (255, 60, 240),
    "cyan": (40, 230, 240),
}
SHOT = 3.0
"""Seconds a shot lasts; three sampled frames."""

Scene = dict[str, int]
"""Who is in a shot, and in which column (0 to 19)."""


def make_people_workspace(folder: Path, scenes: Sequence[Scene], *, name: str = "film.mp4") -> Workspace:
    """Write a workspace of one shot a scene; the people of a scene stand still."""
    shots = make_shots(*(index * SHOT for index in range(len(scenes) + 1)))
    workspace = make_workspace(folder, shots=shots, size=SIZE, name=name)
    step = workspace.manifest.steps["scan"]
    with WorkspaceBuilder(workspace.path, workspace.manifest) as builder, builder.step("scan", {}) as output:
        for file in step.files:
            target = output.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((workspace.path / file).read_bytes())
        (output.folder / "frames.npy").write_bytes(movie_files.dump_frames(workspace.frames))
        _write_proxy(output.folder / "proxy.mp4", workspace, scenes)
    return Workspace.open(workspace.path)


def make_provider(folder: Path) -> OnnxProvider:
    """Load the onnx provider with networks that see squares."""
    folder.mkdir(exist_ok=True)
    detector, recogniser = (
        make_scrfd(folder / "scrfd.onnx"),
        make_recogniser(folder / "recogniser.onnx", low=-1, high=1),
    )
    return OnnxProvider(OnnxConfig(detector=detector, recogniser=recogniser, licence="made by a test"))


def make_other_provider(folder: Path) -> SFaceProvider:
    """Load the sface provider with networks that see squares: another fingerprint, the same people."""
    folder.mkdir(exist_ok=True)
    return SFaceProvider(make_yunet(folder / "yunet.onnx"), make_recogniser(folder / "sface.onnx", low=0, high=255))


def write_photo(path: Path, *colours: str) -> Path:
    """Write a reference picture with one or more faces in it."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    squares = [(3 + 4 * place, 4, COLOURS[colour]) for place, colour in enumerate(colours)]
    Image.fromarray(draw_squares(*SIZE, *squares)).save(path)
    return path


def _write_proxy(path: Path, workspace: Workspace, scenes: Sequence[Scene]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "crf": "10", "threads": "1"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index, time in enumerate(workspace.frames.times):
            scene = scenes[min(int(time // SHOT), len(scenes) - 1)]
            squares = [(column, 5, COLOURS[colour]) for colour, column in scene.items()]
            frame = av.VideoFrame.from_ndarray(draw_squares(*SIZE, *squares), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
