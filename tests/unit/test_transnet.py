"""The detector `transnet`, with tiny networks made here in place of the published one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from movieqa.errors import ConfigError, MissingDependencyError, MovieQAError
from movieqa.preprocess.detectors import BoundaryFinder
from movieqa.preprocess.probe import probe
from movieqa.preprocess.scan import ScanConfig, scan_film
from movieqa.preprocess.shots import Boundary
from movieqa.preprocess.transnet import HEIGHT, MAX_TRANSITION_FRAMES, WIDTH, WINDOW
from tests import clips

RATE = Fraction(clips.RATE)
SHAPE = [1, WINDOW, HEIGHT, WIDTH, 3]


def save_network(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    *,
    constants: dict[str, NDArray[np.generic]] | None = None,
    takes: Sequence[int | str] = SHAPE,
    takes_type: int = TensorProto.UINT8,
    outputs: Sequence[str] = ("output", "many_hot"),
) -> Path:
    """Write a network with the given nodes between `input` and `outputs`."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", takes_type, list(takes))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def save_channel_reader(path: Path) -> Path:
    """Write a network whose first answer is a picture's mean red and whose second is its mean green, of 255."""
    nodes = [helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT)]
    nodes.append(helper.make_node("ReduceMean", ["float"], ["mean"], axes=[2, 3], keepdims=0))
    nodes.append(helper.make_node("Div", ["mean", "white"], ["share"]))
    for name, channel in (("output", "red"), ("many_hot", "green")):
        nodes.append(helper.make_node("Gather", ["share", channel], [name], axis=2))
    constants = {"white": np.float32(255), "red": np.array([0]), "green": np.array([1])}
    return save_network(path, nodes, constants={name: np.asarray(value) for name, value in constants.items()})


def save_change_reader(path: Path) -> Path:
    """Write a network with one output: how much each picture differs from the next, times four; the last from none."""
    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["float", "one", "end", "one"], ["later"]),
        helper.make_node("Slice", ["float", "zero", "minus_one", "one"], ["earlier"]),
        helper.make_node("Sub", ["later", "earlier"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["size"]),
        helper.make_node("ReduceMean", ["size"], ["mean"], axes=[2, 3, 4], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "none", "all"], ["clipped"]),
        helper.make_node("Pad", ["clipped", "pads"], ["padded"]),
        helper.make_node("Reshape", ["padded", "shape"], ["output"]),
    ]
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "minus_one": np.array([-1]),
        "end": np.array([WINDOW]),
        "scale": np.array(4 / 255, np.float32),
        "none": np.array(0, np.float32),
        "all": np.array(1, np.float32),
        "pads": np.array([0, 0, 0, 1]),
        "shape": np.array([1, WINDOW, 1]),
    }
    return save_network(path, nodes, constants=constants, outputs=["output"])


def detect(network: Path, pictures: Sequence[NDArray[np.uint8]]) -> list[Boundary]:
    finder = BoundaryFinder("transnet", rate=RATE, transnet=network)
    found: list[Boundary] = []
    for number, picture in enumerate(pictures):
        told = finder.push(number, picture)
        assert all(number - boundary.frame <= finder.lookahead for boundary in told)
        found += told
    return found + finder.finish(len(pictures) - 1)


def spoken(
    single: dict[int, float], many: dict[int, float], length: int, *, even: bool = False
) -> list[NDArray[np.uint8]]:
    """Return pictures that make the channel reader answer so; those not named get 0."""
    pictures = []
    for number in range(length):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[: HEIGHT // 2, :, 0] = 0 if even else 200
        picture[:, :, 1] = round(255 * many.get(number, 0))
        picture[:, :, 2] = round(255 * single.get(number, 0))
        pictures.append(picture)
    return pictures


def steps(cuts: Sequence[int], length: int) -> list[NDArray[np.uint8]]:
    """Return pictures that are dark and bright in turn, changing at the cuts."""
    return [
        np.full((HEIGHT, WIDTH, 3), 200 if sum(cut <= n for cut in cuts) % 2 else 30, np.uint8) for n in range(length)
    ]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.plain(tmp_path_factory.mktemp("transnet") / "film.mp4")


@pytest.fixture(scope="module")
def change_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_change_reader(tmp_path_factory.mktemp("change") / "network.onnx")


@pytest.fixture(scope="module")
def channel_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_channel_reader(tmp_path_factory.mktemp("channel") / "network.onnx")


def test_scans_a_film(film: Path, change_reader: Path, tmp_path: Path) -> None:
    config = ScanConfig(detector="transnet", transnet=change_reader)
    result = scan_film(film, probe(film), tmp_path, config)
    assert [(shot.start, shot.end, shot.kind) for shot in result.shots] == [
        (0, 2, "start"),
        (2, 4, "cut"),
        (4, 6, "cut"),
    ]


@pytest.mark.parametrize(
    "cut", [5, 24, 25, 26, 49, 50, 51, 74, 75, 76, 99, 100, 101, 124, 125, 126, 149, 150, 151, 158]
)
def test_a_cut_is_exact_wherever_windows_meet(change_reader: Path, cut: int) -> None:
    assert detect(change_reader, steps([cut], 160)) == [Boundary(frame=cut, kind="cut", first=cut, last=cut)]


@pytest.mark.parametrize("length", [1, 2, 24, 25, 26, 50, 74, 75, 76, 100, 101, 149, 150, 151, 200, 225])
def test_films_of_every_length(change_reader: Path, length: int) -> None:
    cuts = list(range(7, length - 1, 7))
    assert [boundary.frame for boundary in detect(change_reader, steps(cuts, length))] == cuts


def test_the_network_sees_red_first(channel_reader: Path) -> None:
    (found,) = detect(channel_reader, spoken({60: 0.9}, {}, 120))
    assert (found.frame, found.kind) == (61, "cut")


def test_only_probabilities_above_a_half_count(channel_reader: Path) -> None:
    assert detect(channel_reader, spoken({60: 0.49}, {61: 0.49}, 120)) == []
    assert len(detect(channel_reader, spoken({60: 0.51}, {}, 120))) == 1


def test_a_cut_follows_the_likeliest_picture(channel_reader: Path) -> None:
    (found,) = detect(channel_reader, spoken({59: 0.6, 60: 0.7, 61: 0.9, 62: 0.6}, {61: 0.9}, 120))
    assert found == Boundary(frame=62, kind="cut", first=62, last=62)


@pytest.mark.parametrize(("even", "kind"), [(False, "dissolve"), (True, "fade")])
def test_a_long_transition_is_gradual(channel_reader: Path, even: bool, kind: str) -> None:
    many = {number: 0.9 for number in range(90, 110) if number not in (97, 98, 99)}  # a gap no shot fits into
    (found,) = detect(channel_reader, spoken({}, many, 200, even=even))
    assert (found.frame, found.kind, found.first, found.last) == (100, kind, 90, 110)


@pytest.mark.parametrize("dark", [5, 20, 60])
def test_fading_out_and_in_again_is_one_fade(channel_reader: Path, dark: int) -> None:
    start, back = 80, 90 + dark
    pictures = spoken({}, dict.fromkeys([*range(start, 90), *range(back, back + 10)], 0.9), 250)
    pictures[89 : back + 1] = spoken({}, {0: 0.9, dark + 1: 0.9}, dark + 2, even=True)
    (found,) = detect(channel_reader, pictures)
    assert (found.kind, found.first, found.last) == ("fade", start, back + 10)
    assert found.frame == (start + back + 10) // 2


def test_a_dark_shot_between_hard_cuts_stays(channel_reader: Path) -> None:
    found = detect(channel_reader, spoken({60: 0.9, 80: 0.9}, {}, 150, even=True))
    assert [boundary.frame for boundary in found] == [61, 81]


def test_a_few_pictures_in_transition_are_no_boundary(channel_reader: Path) -> None:
    assert detect(channel_reader, spoken({}, dict.fromkeys(range(90, 95), 0.9), 200)) == []


def test_cuts_too_close_are_one(channel_reader: Path) -> None:
    assert [boundary.frame for boundary in detect(channel_reader, spoken({60: 0.8, 65: 0.9}, {}, 120))] == [66]
    assert [boundary.frame for boundary in detect(channel_reader, spoken({60: 0.8, 66: 0.9}, {}, 120))] == [61, 67]


@pytest.mark.parametrize("marked", [range(20), range(1), range(100, 120), range(119, 120), range(3)])
def test_what_the_film_begins_or_ends_with_joins_no_shots(channel_reader: Path, marked: range) -> None:
    assert detect(channel_reader, spoken(dict.fromkeys(marked, 0.9), dict.fromkeys(marked, 0.9), 120)) == []


def test_a_transition_without_end_is_cut_off(channel_reader: Path) -> None:
    marked = dict.fromkeys(range(10, 400), 0.9)
    found = detect(channel_reader, spoken({}, marked, 500))
    assert [boundary.first for boundary in found] == [10, 110, 210, 310]
    assert all(boundary.last - boundary.first <= MAX_TRANSITION_FRAMES for boundary in found)


def taking(path: Path, **changes: object) -> Path:
    nodes = [helper.make_node("Cast", ["input"], [name], to=TensorProto.FLOAT) for name in ("output", "many_hot")]
    return save_network(path, nodes, **changes)  # type: ignore[arg-type]


def answering(path: Path, value: float, shape: Sequence[int] = (1, WINDOW, 1)) -> Path:
    nodes = [helper.make_node("Identity", ["answer"], ["output"])]
    return save_network(path, nodes, constants={"answer": np.full(shape, value, np.float32)}, outputs=["output"])


def failing(path: Path) -> Path:
    nodes = [
        helper.make_node("Cast", ["input"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["float", "shape"], ["output"]),
    ]
    return save_network(
        path, nodes, takes=["n", *SHAPE[1:]], constants={"shape": np.array([7, 11])}, outputs=["output"]
    )


def huge(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no space
    return path


def with_weights_elsewhere(path: Path) -> Path:
    (path.parent.parent / "secret.bin").write_bytes(np.full(WINDOW, 0.9, np.float32).tobytes())
    save = answering(path, 0.9)
    model = onnx.load_model_from_string(save.read_bytes())
    (weights,) = model.graph.initializer
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret.bin"), ("length", str(4 * WINDOW))):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    return path


def text(path: Path) -> Path:
    path.write_text("<html>404</html>")
    return path


BAD: list[tuple[Callable[[Path], Path], type[MovieQAError], str]] = [
    (text, MissingDependencyError, "not a model onnxruntime can read"),
    (huge, ConfigError, "larger than 256 MB"),
    (with_weights_elsewhere, MissingDependencyError, "not a model onnxruntime can read .*into one file"),
    (
        lambda path: taking(path, takes=[2, *SHAPE[1:]]),
        ConfigError,
        r"it takes tensor\(uint8\) \[2, 100, 27, 48, 3\]",
    ),
    (lambda path: taking(path, takes=[1, 3, 224, 224]), ConfigError, r"it takes tensor\(uint8\) \[1, 3, 224, 224\]"),
    (lambda path: taking(path, takes_type=TensorProto.FLOAT), ConfigError, r"it takes tensor\(float\)"),
    (lambda path: answering(path, 0.5, (1, WINDOW)), ConfigError, r"it answers \[1, 100\], not \[1, 100, 1\]"),
    (lambda path: answering(path, 7), ConfigError, "its answers are no probabilities"),
    (lambda path: answering(path, float("nan")), ConfigError, "its answers are no probabilities"),
    (failing, ConfigError, "the network failed"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_a_bad_file_is_told_in_one_line(
    film: Path, tmp_path: Path, make: Callable[[Path], Path], error: type[MovieQAError], message: str
) -> None:
    folder, out = tmp_path / "models", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    network = make(folder / "network.onnx")
    with pytest.raises(error, match=message) as caught:
        scan_film(film, probe(film), out, ScanConfig(detector="transnet", transnet=network))
    assert str(caught.value).startswith(str(network))
    assert str(caught.value).isprintable()
    assert not (out / "shots.csv").exists()


def test_says_that_onnxruntime_is_missing(change_reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match=r"needs onnxruntime; install it with: pip install 'movieqa"):
        BoundaryFinder("transnet", rate=RATE, transnet=change_reader)
