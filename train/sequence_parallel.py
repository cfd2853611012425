"""One sample on several processes, each with a stretch of its tokens (Ulysses, arXiv 2309.14509, through DeepSpeed).

Between layers a process holds its stretch of all heads, inside attention all positions of its heads. Targets are
shifted before the cut, positions are those of the whole sample, and of the media each process encodes only the frames
whose tokens lie in its stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from movieqa.errors import ConfigError
from movieqa.model import Media
from movieqa.person_slots import IDENTITY_SLOT
from movieqa.prompt import FRAME_SLOT, IGNORED_LABEL

from .training_model import Micro, Piece

_NAME = "sequence_sdpa"


def share_attention(language_model: PreTrainedModel, *, size: int) -> Any:
    """Let the language model's attention exchange heads for positions, and return DeepSpeed's groups for its engine.

    Args:
        language_model: Of transformers.
        size: Processes that share a sample.

    Raises:
        ConfigError: If the heads cannot be divided among the processes.
    """
    ulysses = import_module("deepspeed.runtime.sequence_parallel.ulysses_sp").UlyssesSPAttentionHF
    attention = str(language_model.config._attn_implementation)
    functions: Any = ALL_ATTENTION_FUNCTIONS
    for name in (attention, _NAME):  # what an earlier run of this process put in its place
        with suppress(KeyError):
            del functions[name]
    if attention == "sdpa":
        # DeepSpeed takes an attention's name over everywhere, and the encoders of frames share nothing
        attention = _NAME
        AttentionInterface.register(attention, ALL_ATTENTION_FUNCTIONS["sdpa"])
        AttentionMaskInterface.register(attention, _no_mask)
        language_model.set_attn_implementation(attention)
    try:
        return ulysses.register_with_transformers(
            language_model,
            core_attn_implementation=attention,
            sequence_parallel_size=size,
            micro_batch_size=1,
            seq_length_is_variable=True,
        )
    except ValueError as error:
        raise ConfigError(f"parallel.sequence_parallel={size} cannot work ({error})") from error


def forget_groups() -> None:
    """Make DeepSpeed forget who shared samples in an earlier run of these processes; else it adds gradients twice."""
    import_module("deepspeed.runtime.sequence_parallel.parallel_state_sp")._release_sequence_parallel_groups()
    groups: Any = import_module("deepspeed.utils.groups")
    groups.mpu = None


def cut(micro: Micro, *, rank: int, size: int, tokens_per_frame: int) -> Micro:
    """Return the stretch of a sample that one process reads.

    Args:
        micro: One whole sample.
        rank: Which stretch.
        size: Into how many the sample is cut; it is lengthened at its end until they are equal.
        tokens_per_frame: Tokens of each frame.

    Raises:
        ConfigError: If it is more than one sample, or several packed in one row.
    """
    if len(micro.input_ids) != 1 or micro.position_ids is not None:
        raise ConfigError(
            "samples side by side or packed in one row cannot be shared between processes",
            hint="set parallel.micro_batch=1 and no packing",
        )
    missing = -micro.input_ids.shape[1] % size
    input_ids = functional.pad(micro.input_ids, (0, missing))
    targets = functional.pad(micro.targets, (0, missing), value=IGNORED_LABEL)
    length = input_ids.shape[1] // size
    here = slice(rank * length, (rank + 1) * length)
    first, last = _count_between(input_ids[0] == FRAME_SLOT, here)
    of_people = slice(*_count_between(input_ids[0] == IDENTITY_SLOT, here))
    positions = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
    return Micro(
        input_ids=input_ids[:, here],
        targets=targets[:, here],
        pieces=[_cut_media(micro.pieces[0], first, last, tokens_per_frame)],
        position_ids=positions[:, here],
        people=[replace(some, rows=of_people) for some in micro.people if of_people.start < of_people.stop],
    )


def _count_between(is_slot: Bool[Tensor, " L"], here: slice) -> tuple[int, int]:
    """Return how many slots there are before a stretch, and before its end."""
    return int(is_slot[: here.start].sum()), int(is_slot[: here.stop].sum())


def _no_mask(*_: Any, **__: Any) -> None:
    """Make no mask: attention is causal, and nothing is padded but the end."""


def _cut_media(pieces: Sequence[Piece], first: int, last: int, tokens_per_frame: int) -> list[Piece]:
    """Return the frames that fill the slots from `first` until `last`, counted over all media."""
    kept = []
    start = 0
    for piece in pieces:
        stop = start + piece.media.num_frames * tokens_per_frame
        begin, end = max(first, start) - start, min(last, stop) - start
        if begin < end:
            frames = slice(begin // tokens_per_frame, -(-end // tokens_per_frame))
            skipped = frames.start * tokens_per_frame
            rows = slice(begin - skipped, end - skipped)
            kept.append(replace(piece, media=_frames(piece.media, frames), rows=rows))
        start = stop
    return kept


def _frames(media: Media, frames: slice) -> Media:
    conditioning = None if media.conditioning is None else media.conditioning.rows(frames)
    if media.pixels is not None:
        return replace(media, pixels=media.pixels[frames], conditioning=conditioning)
    indices = torch.arange(media.num_frames) if media.frame_indices is None else media.frame_indices
    return replace(media, frame_indices=indices[frames], conditioning=conditioning)
