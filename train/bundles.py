"""Frames of many media side by side: pictures go through the encoders together, films a block of frames at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from movieqa.model import Conditioning, Media, MovieModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Frames of one medium, at most a block of them.

    Attributes:
        features: Of the whole medium, the class token first; of any type, on any device.
        frames: Which of them.
        guidance_ids: Ids of the text that guides the context tokens.
        reads_class_token: Whether the text decoder reads the class token too.
        conditioning: Who is in these frames.
    """

    features: Float[Tensor, "F R C"]
    frames: slice | Int[Tensor, " T"]
    guidance_ids: Int[Tensor, " L"]
    reads_class_token: bool
    conditioning: Conditioning | None = None

    @property
    def num_frames(self) -> int:
        """Frames T."""
        return (
            len(range(*self.frames.indices(len(self.features)))) if isinstance(self.frames, slice) else len(self.frames)
        )

    def read(self, like: Tensor) -> Float[Tensor, "T R C"]:
        """Return the features of the frames, on the device and of the type of a weight."""
        block = self.features[self.frames].to(like.device, like.dtype)
        return block if self.conditioning is None else self.conditioning.apply(block)


def split_media(media: Media, features: Float[Tensor, "F R C"], *, size: int) -> Iterator[Part]:
    """Yield the frames of a medium in parts.

    Args:
        media: The medium; its conditioning is of all its frames.
        features: Of its frames, from the vision tower or as stored.
        size: Frames of a part at most.
    """
    for start in range(0, media.num_frames, size):
        here = slice(start, min(start + size, media.num_frames))
        yield Part(
            features=features,
            frames=here if media.frame_indices is None else media.frame_indices[here].to(features.device),
            guidance_ids=media.guidance_ids,
            reads_class_token=media.pixels is not None,
            conditioning=None if media.conditioning is None else media.conditioning.rows(here),
        )


def bundle_parts(parts: Sequence[Part], *, size: int, num_queries: int) -> list[list[int]]:
    """Return which parts are read together, by their places.

    Guidance texts are padded to the longest of a bundle, so only texts of about one length come together: no part
    takes more than twice the positions that it needs.

    Args:
        parts: In any order.
        size: Frames of a bundle at most.
        num_queries: Query tokens, which each frame has besides its guidance.
    """
    longest_first = sorted(
        range(len(parts)), key=lambda place: (parts[place].reads_class_token, -len(parts[place].guidance_ids), place)
    )
    bundles: list[list[int]] = []
    room = 0
    for place in longest_first:
        part = parts[place]
        first = parts[bundles[-1][0]] if bundles else part
        is_alike = part.reads_class_token == first.reads_class_token and 2 * (
            num_queries + len(part.guidance_ids)
        ) >= num_queries + len(first.guidance_ids)
        if not bundles or not is_alike or part.num_frames > room:
            bundles.append([])
            room = size
        bundles[-1].append(place)
        room -= part.num_frames
    return bundles


def read_parts(model: MovieModel, parts: Sequence[Part]) -> Float[Tensor, "T N D"]:
    """Return the tokens of the frames of all parts, one after the other."""
    features = torch.cat([part.read(model.image_norm.weight) for part in parts])
    guidance_ids, mask = pad_guidance(parts)
    read = features if parts[0].reads_class_token else features[:, 1:]
    queries = model.read_frames(model.image_norm(read), guidance_ids, mask)
    return model.make_tokens(queries, features[:, 1:])


def pad_guidance(parts: Sequence[Part]) -> tuple[Int[Tensor, "T L"], Bool[Tensor, "T L"] | None]:
    """Return each frame's guidance, padded on the right, and what of it is real; no mask where all of it is."""
    texts = pad_sequence([part.guidance_ids for part in parts], batch_first=True)
    lengths = torch.tensor([len(part.guidance_ids) for part in parts], device=texts.device)
    frames = torch.tensor([part.num_frames for part in parts], device=texts.device)
    is_real = torch.arange(texts.shape[1], device=texts.device) < lengths[:, None]
    mask = None if bool(is_real.all()) else is_real.repeat_interleave(frames, dim=0)
    return texts.repeat_interleave(frames, dim=0), mask


def encode_together(model: MovieModel, pixels: Sequence[Float[Tensor, "_ 3 H W"]]) -> list[Float[Tensor, "_ R C"]]:
    """Run the vision tower on several media, as many frames at once as the model takes; features come back by medium.

    A medium with more frames than that goes alone: it is never copied.
    """
    size = model.config.frames_per_block
    groups: list[list[Tensor]] = []
    room = 0
    for one in pixels:
        if not groups or len(one) > room:
            groups.append([])
            room = size
        groups[-1].append(one)
        room -= len(one)
    features: list[Tensor] = []
    for group in groups:
        together = group[0] if len(group) == 1 else torch.cat(group)
        features += torch.split(model.encode_frames(together), [len(one) for one in group])
    return features
