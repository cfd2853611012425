"""Video-ChatGPT's instructions as published: a question, an answer, and the name of a video."""

from __future__ import annotations

from typing import Any

from movieqa.prompt import FRAME_MARK, Turn
from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import MediumRef, Sample, SampleError

from .conversations import read_name


def video_chatgpt_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record `{"q", "a", "video_id"}`; the video is found by its name, with whatever ending it has."""
    name, question, answer = read_name(record, "video_id"), record.get("q"), record.get("a")
    if not isinstance(question, str) or not isinstance(answer, str):
        raise SampleError("q and a must be texts")
    if FRAME_MARK in question:
        raise SampleError(f"{FRAME_MARK} in the question")
    turns = (Turn(role="user", text=f"{FRAME_MARK}\n{question}"), Turn(role="assistant", text=answer))
    ref = MediumRef(kind="video", name=name, guidance=question.replace("\n", ""))
    return Sample(id=name, format="video-chatgpt", turns=turns, media=(ref,))
