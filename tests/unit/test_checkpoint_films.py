"""Original film files: read to the bit, and never run."""

from __future__ import annotations

import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from movieqa.checkpoint.films import read_film_pickle, write_features
from movieqa.checkpoint.pickles import read_pickle
from movieqa.errors import CheckpointError


@pytest.fixture
def movie(assets: Path) -> Path:
    return assets / "golden" / "llama-vid" / "movie.pkl"


def test_original_film_is_read_and_written_to_equal_bits(movie: Path, tmp_path: Path) -> None:
    expected = pickle.loads(movie.read_bytes())
    film = read_film_pickle(movie)
    assert film.features.dtype == np.float16
    assert np.array_equal(film.features, expected["feats"])
    assert "".join(f"<image>{text}" for text in film.texts) == expected["inputs"]
    write_features(film.features, tmp_path, source=movie)
    assert [path.name for path in tmp_path.iterdir()] == ["00000.safetensors"]
    assert np.array_equal(load_file(tmp_path / "00000.safetensors")["features"], expected["feats"])


def test_long_films_are_cut_in_shards(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(1100, 3, 2)).astype(np.float16)
    write_features(features, tmp_path, source="film.pkl")
    shards = [load_file(path)["features"] for path in sorted(tmp_path.iterdir())]
    assert np.array_equal(np.concatenate(shards), features)
    assert [len(shard) for shard in shards] == [512, 512, 76]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float16).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        np.arange(3, dtype=">f4"),
        np.array([True, False]),
        np.zeros((0, 4), dtype=np.uint8),
        np.arange(300, dtype=np.float64),
    ],
    ids=["half", "fortran", "big_endian", "bool", "empty", "double"],
)
def test_arrays_of_every_protocol(tmp_path: Path, array: np.ndarray, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"a": array, "b": "text é", "c": 7, "d": None, "e": array}, protocol=protocol))
    content = read_pickle(path)
    assert np.array_equal(content["a"], array)
    assert content["a"].dtype == array.dtype
    assert (content["b"], content["c"], content["d"]) == ("text é", 7, None)
    assert np.array_equal(content["e"], array)


class Runs:
    """Makes a file when it is unpickled the usual way."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def hostile(mark: Path) -> dict[str, bytes]:
    array = np.zeros(3, dtype=np.float16)
    state = array.__reduce__()
    return {
        "system": pickle.dumps({"feats": Runs(os.system, f"touch {mark}"), "inputs": ""}),
        "eval": pickle.dumps({"feats": Runs(eval, f"open({str(mark)!r}, 'w')")}),
        "protocol 0": b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR.",
        "inst": b"(S'touch " + str(mark).encode() + b"'\nios\nsystem\n.",
        "dtype of objects": pickle.dumps({"feats": np.array([Runs(os.system, f"touch {mark}")], dtype=object)}),
        "set state on a dictionary": b"}(K\x01K\x02tb.",
        "persistent": b"Pmodule\n.",
        "new object": pickle.dumps(Path("x")),
        "list": pickle.dumps(["a"]),
        "cut": pickle.dumps({"feats": array})[:-20],
        "empty": b"",
        "not a pickle": b"\x00\x01\x02",
        "text": b"hello there",
        "keys that are numbers": pickle.dumps({1: "a"}),
        "numpy function": pickle.dumps({"a": Runs(np.load, str(mark))}),
        "reconstruct of another class": pickle.dumps({"a": Runs(state[0], dict, (0,), b"b")}),
        "large": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        "endless": b"\x80\x04" + b"N" * 1_000_001 + b".",
        "memo that is not there": b"\x80\x04h\x05.",
        "nested": pickle.dumps({"a": {"b": (1, 2)}}),
    }


@pytest.mark.parametrize("name", hostile(Path("x")))
def test_hostile_files_are_refused_and_not_run(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "ran"
    path = tmp_path / "film.pkl"
    path.write_bytes(hostile(mark)[name])
    with pytest.raises(CheckpointError) as caught:
        read_film_pickle(path)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_an_array_that_lies_about_its_size(tmp_path: Path) -> None:
    content = pickle.dumps({"feats": np.zeros((2, 3, 4), dtype=np.float16), "inputs": "<image><image>"})
    path = tmp_path / "film.pkl"
    for wrong in (b"K\x02K\xffK\x04", b"K\x02M\xff\xffK\x04"):
        path.write_bytes(content.replace(b"K\x02K\x03K\x04", wrong))
        with pytest.raises(CheckpointError, match="an array of shape"):
            read_film_pickle(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"feats": np.zeros((2, 3, 4), dtype=np.float32), "inputs": "<image><image>"}, "must be Float16"),
        ({"feats": np.zeros((2, 3), dtype=np.float16), "inputs": "<image><image>"}, "must be Float16"),
        ({"feats": np.zeros((2, 3, 4), dtype=np.float16), "inputs": "<image>"}, "2 frames and text for 1"),
        ({"feats": np.zeros((2, 3, 4), dtype=np.float16), "inputs": "x<image><image>"}, "does not begin with a frame"),
        ({"feats": np.zeros((2, 3, 4), dtype=np.float16)}, "holds no film"),
        ({"feats": "text", "inputs": "<image>"}, "holds no film"),
    ],
)
def test_files_that_are_no_film(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    path = tmp_path / "film.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(CheckpointError, match=message):
        read_film_pickle(path)


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not finite"):
        write_features(np.full((1, 3, 4), np.nan, dtype=np.float16), tmp_path, source="film.pkl")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_film_pickle(tmp_path / "nowhere.pkl")


WHOLE = pickle.dumps({"feats": np.zeros((1, 2, 2), dtype=np.float16), "inputs": "<image>hello"})


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(WHOLE)))
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(WHOLE)
    for place, value in changes:
        damaged[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(bytes(damaged[: cut or None]))
    try:
        film = read_film_pickle(path)
    except CheckpointError:
        return
    assert film.features.ndim == 3


DANGEROUS = ["INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER"]


@pytest.mark.parametrize(
    "opcode", [code for code in pickletools.opcodes if code.name in DANGEROUS], ids=lambda code: code.name
)
def test_opcodes_that_can_build_anything_are_unknown(tmp_path: Path, opcode: Any) -> None:
    path = tmp_path / "film.pkl"
    path.write_bytes(b"\x80\x05" + opcode.code.encode("latin-1") + b"\x00\n\n.")
    with pytest.raises(CheckpointError, match="it holds opcode"):
        read_pickle(path)
