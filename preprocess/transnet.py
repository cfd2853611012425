"""The detector `transnet`: TransNetV2, a trained network, read from one ONNX file the user has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

from movieqa.errors import ConfigError, MissingDependencyError

from .shots import MIN_SHOT_FRAMES, Boundary

WIDTH, HEIGHT = 48, 27
WINDOW = 100
MARGIN = 25
"""Pictures at both ends of a window whose answers are left to its neighbours."""
THRESHOLD = 0.5
"""Probability above which the network's word counts, as published."""
MIN_GRADUAL_FRAMES = 6
"""Fewer pictures in transition make a hard cut."""
MAX_TRANSITION_FRAMES = 100
"""No transition is followed longer: the network sees no further than its window."""

_STEP = WINDOW - 2 * MARGIN
_SHAPE = (1, WINDOW, HEIGHT, WIDTH, 3)
_EVEN = 6.0  # standard deviation, of 255, of a picture that shows nothing: a fade passes through one
_MAX_FILE_BYTES = 256 << 20  # the published network takes 31 MB
_EXPORT = "export TransNetV2 as docs/shots.md says"


class TransNetwork:
    """The network, ready to run.

    The whole network has to lie in the one file: so the file's digest stands for it, and no other file is read.

    Args:
        path: ONNX with an input UInt8[1, 100, 27, 48, 3], red first, and one or two outputs [1, 100, 1]: the
            probability that a picture is the last of a shot or the middle of a transition, and that it lies in one.

    Raises:
        MissingDependencyError: There is no such file, onnxruntime is missing, or it cannot read the file.
        ConfigError: The file is not TransNetV2.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session = _open_session(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or not _fits(inputs[0].shape):
            told = ", ".join(f"{entry.type} {entry.shape}" for entry in inputs)[:200] or "nothing"
            raise ConfigError(
                f"{path}: not TransNetV2: it takes {told}, not one tensor(uint8) {list(_SHAPE)}", hint=_EXPORT
            )
        self._input = inputs[0].name
        self._outputs = [entry.name for entry in outputs[:2]]

    def predict(self, window: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return Float64[100, 2] for UInt8[100, 27, 48, 3]: both probabilities of every picture.

        A network with one output marks no whole transitions; its one answer then stands for both.

        Raises:
            ConfigError: The network cannot run, or answers in no probabilities.
        """
        try:
            answers = self._session.run(self._outputs, {self._input: window[None]})
        except Exception as error:  # onnxruntime's own exceptions share no base
            raise ConfigError(f"{self._path}: the network failed ({_brief(error)})", hint=_EXPORT) from None
        for answer in answers:
            if not isinstance(answer, np.ndarray) or answer.shape != (1, WINDOW, 1):
                shape = list(answer.shape) if isinstance(answer, np.ndarray) else type(answer).__name__
                raise ConfigError(
                    f"{self._path}: not TransNetV2: it answers {shape}, not [1, {WINDOW}, 1]", hint=_EXPORT
                )
            if answer.dtype.kind != "f" or not ((answer >= 0) & (answer <= 1)).all():  # not a number is neither
                raise ConfigError(f"{self._path}: its answers are no probabilities", hint=_EXPORT)
        return np.stack([answers[0][0, :, 0], answers[-1][0, :, 0]], axis=1).astype(np.float64)


class TransNetDetector(SceneDetector):  # type: ignore[misc]  # PySceneDetect is untyped
    """Finds cuts, dissolves and fades with TransNetV2, as a PySceneDetect detector that can also tell the kind.

    As published, the network sees windows of 100 pictures, fifty apart; only the middle fifty answers of each count,
    and the film is continued at both ends by its first and last picture. A hard cut lies after the picture with the
    highest probability. Where `MIN_GRADUAL_FRAMES` or more pictures are in transition the boundary is gradual, and lies
    in their middle: a fade if one of them is even, else a dissolve. Transitions with fewer than `MIN_SHOT_FRAMES`
    between them are one, even pictures after fading out not counted; one that the film begins or ends with joins no
    two shots.

    Args:
        network: TransNetV2 as an ONNX file; see `TransNetwork`.

    Raises:
        MissingDependencyError: See `TransNetwork`.
        ConfigError: See `TransNetwork`.

    Example:
        >>> from scenedetect import detect  # doctest: +SKIP
        >>> detect("film.mp4", TransNetDetector(Path("transnetv2.onnx")))  # doctest: +SKIP
    """

    def __init__(self, network: Path) -> None:
        super().__init__()
        self._network = TransNetwork(network)
        self.lookahead = WINDOW - MARGIN + MAX_TRANSITION_FRAMES
        """Pictures by which a boundary may be told late."""
        self._window: list[NDArray[np.uint8]] = []
        self._num_pictures = 0
        self._num_judged = 0
        self._transition: _Transition | None = None
        self._told = 0
        self._certain: list[Boundary] = []

    @property
    def event_buffer_length(self) -> int:
        """Pictures by which a boundary may be told late, in PySceneDetect's words."""
        return self.lookahead

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Take the next picture, UInt8[H, W, 3], blue first; return the boundaries that are now certain."""
        small = cv2.resize(frame_img, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        picture = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        if not self._num_pictures:
            self._window = [picture] * MARGIN
        self._num_pictures += 1
        return self._push(picture, timecode)

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """Return the boundaries that were still uncertain when the film ended."""
        told = []
        while self._num_judged < self._num_pictures:
            told += self._push(self._window[-1], timecode)
        if self._transition is not None and self._transition.last < self._num_pictures - 1:
            told += self._close(self._transition, timecode)
        self._transition = None
        return told

    def take(self) -> list[Boundary]:
        """Return the boundaries that became certain since the last call, with their kinds, in order."""
        certain, self._certain = self._certain, []
        return certain

    def _push(self, picture: NDArray[np.uint8], timecode: FrameTimecode) -> list[FrameTimecode]:
        self._window.append(picture)
        if len(self._window) < WINDOW:
            return []
        window = np.stack(self._window)
        middle = slice(MARGIN, WINDOW - MARGIN)
        are_even = window[middle].std(axis=(1, 2)).max(axis=1) < _EVEN
        told = []
        for (single, many), is_even in zip(self._network.predict(window)[middle], are_even, strict=True):
            if self._num_judged < self._num_pictures:
                told += self._judge(float(single), float(many), bool(is_even), timecode)
                self._num_judged += 1
        del self._window[:_STEP]
        return told

    def _judge(self, single: float, many: float, is_even: bool, timecode: FrameTimecode) -> list[FrameTimecode]:
        number, told = self._num_judged, []
        current = self._transition
        if current is not None and (
            current.num_quiet >= MIN_SHOT_FRAMES or number - current.first >= MAX_TRANSITION_FRAMES
        ):
            told = self._close(current, timecode)
            current = None
        if max(single, many) > THRESHOLD:
            current = current or _Transition(first=number, last=number)
            current.add(number, single, many, is_even)
        elif current is not None:
            current.wait(is_even)
        self._transition = current
        return told

    def _close(self, transition: _Transition, timecode: FrameTimecode) -> list[FrameTimecode]:
        boundary = transition.boundary()
        if boundary is None or not transition.first or boundary.frame - self._told < MIN_SHOT_FRAMES:
            return []
        self._told = boundary.frame
        self._certain.append(boundary)
        return [FrameTimecode(boundary.frame, timecode)]


@dataclass(kw_only=True)
class _Transition:
    """Pictures in a row that the network marks."""

    first: int
    last: int
    num_gradual: int = 0
    num_quiet: int = 0
    """Unmarked pictures since the last marked one that could belong to a shot."""
    has_even: bool = False
    peak: int = 0
    peak_probability: float = 0.0

    def add(self, number: int, single: float, many: float, is_even: bool) -> None:
        """Take in one more marked picture."""
        self.last, self.num_quiet = number, 0
        self.num_gradual += many > THRESHOLD
        self.has_even |= is_even
        if single > self.peak_probability:
            self.peak, self.peak_probability = number, single

    def wait(self, is_even: bool) -> None:
        """Take in an unmarked picture: the film may stay dark for a while between fading out and fading in."""
        self.num_quiet += not (is_even and self.num_gradual >= MIN_GRADUAL_FRAMES)

    def boundary(self) -> Boundary | None:
        """Return what it comes to; None for a few pictures in transition without a boundary among them."""
        if self.num_gradual >= MIN_GRADUAL_FRAMES:
            after = self.last + 1
            kind: Literal["fade", "dissolve"] = "fade" if self.has_even else "dissolve"
            return Boundary(frame=(self.first + after) // 2, kind=kind, first=self.first, last=after)
        if self.peak_probability > THRESHOLD:
            return Boundary(frame=self.peak + 1, kind="cut", first=self.peak + 1, last=self.peak + 1)
        return None


def _open_session(path: Path) -> Any:
    if not path.is_file():
        raise MissingDependencyError(f"{path}: no such model file", hint="give TransNetV2 as an ONNX file")
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_FILE_BYTES >> 20} MB, so not TransNetV2", hint=_EXPORT)
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError(
            "the transnet detector needs onnxruntime", hint="install it with: pip install 'movieqa[transnet]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what went wrong is said once, by us
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoder needs the processors too
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base
        raise MissingDependencyError(
            f"{path}: not a model onnxruntime can read ({_brief(error)})", hint=f"{_EXPORT}, into one file"
        ) from None


def _fits(shape: list[int | str | None]) -> bool:
    """Tell whether an input of this shape takes one window; a size that is left open has a name, or none."""
    return len(shape) == len(_SHAPE) and all(
        size == wanted or not isinstance(size, int) for size, wanted in zip(shape, _SHAPE, strict=True)
    )


def _brief(error: Exception) -> str:
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())
    return text[:200]
