"""Samples become a task of lmms-eval, whose documents ask and score as movieqa does."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Moment, Reference, Sample
from movieqa.plugins.lmms_eval_task import write_task

SAMPLES = (
    Sample(id="a", film="film.mp4", question="Which?", task="choice", options=("book", "door"), answer="B"),
    Sample(id="b", film="film", question="when she runs", task="moments", spans=(Moment(start=2, end=4),)),
    Sample(
        id="c",
        film="faces",
        question="Who is where? <image>",
        task="box",
        box=(0.0, 0.0, 0.5, 0.5),
        pictures=("p.png",),
        references=(Reference(name="Ann", image="ann.png"),),
    ),
    Sample(id="d", film="film.mp4", question="Why?", answer="for love"),
    Sample(id="e", film="film.mp4", question="", task="captions", spans=(Moment(start=0, end=1, caption="she runs"),)),
    Sample(id="f", film="film.mp4", question="What?", answer=None),
)


class _Loader(yaml.SafeLoader): ...


_Loader.add_constructor("!function", lambda loader, node: ("function", node.value))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    (tmp_path / "film.mp4").write_bytes(b"film")
    (tmp_path / "film.srt").write_bytes(b"lines")
    for name in ("p.png", "ann.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    return tmp_path


def test_a_task_asks_and_scores(films: Path, tmp_path: Path) -> None:
    task = write_task(SAMPLES, name="local_task", films=films, folder=tmp_path / "task")
    assert (task.num_samples, task.num_left_out) == (4, 2)
    settings: dict[str, Any] = yaml.load((task.folder / "local_task.yaml").read_text(), Loader=_Loader)
    assert settings["process_results"] == ("function", "utils.process_results")
    assert {metric["metric"] for metric in settings["metric_list"]} == {
        "choice_correct",
        "grounding_iou",
        "box_iou",
        "box_hit",
        "token_f1_f1",
    }
    spec = importlib.util.spec_from_file_location("utils", task.folder / "utils.py")
    assert spec and spec.loader
    utils = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(utils)
    docs = [json.loads(line) for line in Path(settings["dataset_kwargs"]["data_files"]).read_text().splitlines()]
    replies = ["The answer is B.", "2.0 - 4.0", "<ref>Ann</ref><box>(0,0),(500,500)</box>", "for love"]
    for doc, reply in zip(docs, replies, strict=True):
        assert set(utils.process_results(doc, [reply]).values()) == {1.0}
        assert set(utils.process_results(doc, ["no idea"]).values()) == {0.0}
    (message,) = utils.doc_to_messages(docs[2])
    assert [part["type"] for part in message["content"]] == ["text", "image", "text", "image", "text"]
    assert utils.doc_to_messages(docs[1])[0]["content"][0] == {"type": "video", "url": str(films / "film.mp4")}
    assert "A. book" in utils.doc_to_text(docs[0])
    assert len(utils.doc_to_visual(docs[2])) == 2


@pytest.mark.parametrize(
    ("name", "samples", "said"),
    [("a b", SAMPLES, "task's name"), ("../x", SAMPLES, "task's name"), ("x", SAMPLES[4:], "none of the samples")],
)
def test_what_cannot_be_a_task(name: str, samples: Any, said: str, films: Path) -> None:
    with pytest.raises(EvaluationError, match=said):
        write_task(samples, name=name, films=films, folder=films / "task")
    assert not (films / "task").exists()


def test_a_missing_film_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="sample a"):
        write_task(SAMPLES, name="x", films=tmp_path, folder=tmp_path / "task")
