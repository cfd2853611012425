"""Tells which format a record has, and reads it."""

from __future__ import annotations

from typing import Any

from movieqa.train.data.config import DataConfig
from movieqa.train.data.sample import Sample

from .ida_vlm import ida_vlm_sample, is_ida_vlm
from .llava import film_sample, is_film, llava_sample, text_sample
from .slots import takes_slots, write_slots
from .video_chatgpt import video_chatgpt_sample
from .vtimellm import VIDEO_MARK, vtimellm_sample


def read_sample(record: dict[str, Any], config: DataConfig) -> Sample:
    """Read a record of any format; each is told by its own fields, never by the name of a file.

    Args:
        record: What JSON holds.
        config: How it is read.

    Raises:
        SampleError: If it cannot be used.

    Example:
        >>> said = [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Mara."}]
        >>> read_sample({"conversations": said}, DataConfig()).format
        'text'
    """
    if "video_id" in record and "q" in record:
        return video_chatgpt_sample(record, config)
    if _names_video_in_text(record):  # also where Video-ChatGPT names stored features, `.pkl`, which no film is
        return vtimellm_sample(record, config)
    if is_film(record):
        return film_sample(record, config)
    if is_ida_vlm(record):
        sample = ida_vlm_sample(record, config)
        return write_slots(sample, config) if takes_slots(sample, config) else sample
    if "meta" in record:
        return vtimellm_sample(record, config)
    if "image" in record or "video" in record:
        return llava_sample(record, config)
    return text_sample(record, config)


def _names_video_in_text(record: dict[str, Any]) -> bool:
    said = record.get("conversations")
    return isinstance(said, list) and any(
        isinstance(item, dict) and isinstance(item.get("value"), str) and VIDEO_MARK in item["value"] for item in said
    )
