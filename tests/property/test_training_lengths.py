"""Whatever a sample is, its length is known before it is read, and none is longer than asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from movieqa.prompt import FRAME_MARK, FRAME_SLOT, IGNORED_LABEL
from movieqa.train.data.batch import collate
from movieqa.train.data.packing import join
from tests.training_data import film_features, open_records, said, write_picture

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>", exclude_categories=("Cs", "Cc")), max_size=40)
ANSWERS = WORDS.filter(lambda text: text.strip())


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    talk = [text for _ in range(draw(st.integers(1, 4))) for text in (draw(WORDS), draw(ANSWERS))]
    kind = draw(st.sampled_from(["text", "picture", "film", "stored"]))
    if kind == "text":
        return {"conversations": said(*talk)}
    talk[0] = draw(st.sampled_from([f"{FRAME_MARK}\n{talk[0]}", f"{talk[0]}\n{FRAME_MARK}"]))
    if kind == "picture":
        return {"image": "a.png", "conversations": said(*talk)}
    lines = draw(st.lists(WORDS, min_size=12, max_size=12))
    film = {"inputs": "".join(FRAME_MARK + line for line in lines)} if kind == "film" else {}
    return {"video": "x.npy", **film, "conversations": said(*talk)}


@settings(max_examples=25)
@given(items=st.lists(records(), min_size=1, max_size=4), max_length=st.sampled_from([230, 300, 2048]))
def test_lengths_are_those_of_the_examples(items: list[dict[str, Any]], max_length: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_picture(folder / "a.png")
        np.save(folder / "x.npy", film_features(12))
        items = [{"conversations": said("Is it so?", "Yes.")}, *items]
        data = open_records(folder, items, max_length=max_length, max_bad=len(items))
        assert len(data) + len(data.bad) == len(items)
        examples = [data[index] for index in range(len(data))]
    assert [len(example) for example in examples] == data.lengths.tolist()
    assert max(data.lengths) <= max_length
    for example, facts in zip(examples, data.samples, strict=True):
        assert example.num_learned == facts.num_learned > 0
        assert (example.input_ids == FRAME_SLOT).sum() == 2 * sum(medium.num_frames for medium in example.media)
        learned = example.labels != IGNORED_LABEL
        assert (example.labels[learned] == example.input_ids[learned]).all()
    packed = collate([join(examples)])
    assert packed.input_ids[0].tolist() == [token for example in examples for token in example.input_ids.tolist()]
    assert packed.num_learned == sum(example.num_learned for example in examples)
