"""Reads sampled frames back from a workspace's proxy: any of them, in any order, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, runtime_checkable

import av
import numpy as np
from av.error import FFmpegError

from movieqa.errors import ConfigError, MissingDependencyError, WorkspaceError
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from jaxtyping import UInt8

Decoder = Literal["auto", "pyav", "decord"]

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": "mov"}
_MAX_PIXELS = 1 << 20
_MICROSECONDS = 1_000_000
_NEAR = 10  # frames; the proxy has a key frame at least so often, so decoding on is no dearer than seeking


@runtime_checkable
class FrameReader(Protocol):
    """Random access to sampled frames. A reader at rest decodes nothing and its memory does not grow."""

    @property
    def num_frames(self) -> int:
        """How many frames there are."""

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "T H W 3"]:
        """Return frames in the order asked for, red first; repeated indices repeat the frame.

        Ask for a few hundred at a time: they are all in memory at once.

        Raises:
            ConfigError: An index is negative or too large.
            WorkspaceError: The proxy is damaged.
        """

    def close(self) -> None:
        """Let the proxy go."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_frames(workspace: Workspace, *, decoder: Decoder = "auto") -> FrameReader:
    """Open a workspace's sampled frames for reading.

    Args:
        workspace: Where the frames are.
        decoder: `pyav`, `decord` (an extra), or `auto`, which is `pyav`: it is as fast on a proxy, and always there.

    Raises:
        ConfigError: No such decoder.
        MissingDependencyError: decord is asked for and not installed.
        WorkspaceError: The proxy cannot be read, or there is none.

    Example:
        >>> with open_frames(Workspace.open("film.movieqa")) as frames:  # doctest: +SKIP
        ...     frames.read([0, 60, 7]).shape
        (3, 480, 854, 3)
    """
    workspace.check_pictures()
    match decoder:
        case "auto" | "pyav":
            return PyAVFrames(workspace)
        case "decord":
            return DecordFrames(workspace)
    raise ConfigError(f"no decoder {decoder!r}", hint="choose auto, pyav or decord")


class _ProxyFrames:
    """What both readers share: the proxy is checked before anything decodes it.

    The workspace may come from a stranger. The proxy must be an MP4 file by its first bytes and its only video stream
    must be H.264 of a size movieqa writes; PyAV opens it with files as the only protocol and MP4 as the only format.
    decord knows no such limits, so it only gets to see a proxy that has passed here.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.proxy_path
        self._pts = np.round(workspace.frames.times * _MICROSECONDS).astype(np.int64)
        with self._open() as container:
            context = container.streams.video[0].codec_context
            self._height, self._width = context.height, context.width

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        return len(self._pts)

    def close(self) -> None:
        """Let the proxy go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self, indices: Sequence[int]) -> None:
        for index in indices:
            if not 0 <= index < self.num_frames:
                raise ConfigError(f"{self._path}: no frame {index}", hint=f"there are {self.num_frames}, from 0")

    def _empty(self, count: int) -> UInt8[np.ndarray, "T H W 3"]:
        return np.empty((count, self._height, self._width, 3), np.uint8)

    def _open(self) -> av.container.InputContainer:
        try:
            with self._path.open("rb") as file:
                if file.read(8)[4:] != b"ftyp":
                    raise self._damaged("it is no MP4 file")
            container = av.open(f"file:{self._path.absolute()}", options=dict(_OPTIONS))
        except (FFmpegError, OSError) as error:
            raise self._damaged(error.strerror or str(error)) from None
        try:
            if len(container.streams) != 1 or len(container.streams.video) != 1:
                raise self._damaged("it must hold one video stream and nothing else")
            context = container.streams.video[0].codec_context
            if context.name != "h264" or not 0 < context.width * context.height <= _MAX_PIXELS:
                raise self._damaged(f"unexpected {context.name} {context.width}x{context.height}")
            context.options = {"max_pixels": str(_MAX_PIXELS)}
            context.thread_count = 1
        except BaseException:
            container.close()
            raise
        return container

    def _damaged(self, reason: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self._path}: damaged ({reason})", hint="rebuild it with: movieqa preprocess FILM --force"
        )


class PyAVFrames(_ProxyFrames):
    """Reads frames with PyAV, decoding on from where it stands or seeking to the key frame before."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._container = self._open()
        self._stream = self._container.streams.video[0]
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._next: int | None = None  # index of the frame the decoder gives next, None before the first seek

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "T H W 3"]:
        """Return frames in the order asked for."""
        self._check(indices)
        wanted, places = np.unique(np.asarray(indices, np.int64), return_inverse=True)
        pictures = self._empty(len(wanted))
        for picture, index in zip(pictures, wanted, strict=True):
            picture[:] = self._decode(int(index))
        return pictures if np.array_equal(wanted, indices) else pictures[places]

    def close(self) -> None:
        """Let the proxy go."""
        self._container.close()

    def _decode(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        target = int(self._pts[index])
        try:
            if self._next is None or not self._next <= index < self._next + _NEAR:
                self._container.seek(target, backward=True)  # counts microseconds, as the proxy does
                self._decoded = self._container.decode(self._stream)
            self._next = None  # unless what follows succeeds
            frame = next((frame for frame in self._decoded if _microseconds(frame) >= target), None)
        except FFmpegError as error:
            raise self._damaged(f"frame {index}: {error.strerror}") from None
        if frame is None or _microseconds(frame) != target:
            raise self._damaged(f"frame {index} is missing")
        if (frame.height, frame.width) != (self._height, self._width):
            raise self._damaged(f"frame {index} has another size")
        self._next = index + 1
        return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def _microseconds(frame: av.VideoFrame) -> int:
    if frame.pts is None or frame.time_base is None:
        return -1
    return round(frame.pts * frame.time_base * _MICROSECONDS)


class DecordFrames(_ProxyFrames):
    """Reads frames with decord, which is opened for each batch: at rest it would decode ahead without limit."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        try:
            import decord
        except ImportError:
            raise MissingDependencyError(
                "decord is not installed", hint="install it with: pip install 'movieqa[decord]', or use pyav"
            ) from None
        self._decord = decord

    def read(self, indices: Sequence[int]) -> UInt8[np.ndarray, "T H W 3"]:
        """Return frames in the order asked for."""
        self._check(indices)
        if not indices:
            return self._empty(0)
        try:
            reader = self._decord.VideoReader(str(self._path.absolute()), num_threads=1)
            if len(reader) != self.num_frames:
                raise self._damaged(f"it holds {len(reader)} frames, not {self.num_frames}")
            pictures: UInt8[np.ndarray, "T H W 3"] = reader.get_batch(list(indices)).asnumpy()
        except self._decord.DECORDError as error:
            raise self._damaged(str(error).splitlines()[0]) from None
        if pictures.shape != (len(indices), self._height, self._width, 3):
            raise self._damaged("its frames have another size")
        return pictures
