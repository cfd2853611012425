"""What a sample is for a model with an ID-Former and identity tokens, put together of their public parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from movieqa.model import Conditioning, Media, MovieModel
from movieqa.model.slot_vocabulary import splice_identities
from movieqa.prompt import FRAME_SLOT
from movieqa.train.data.example import Example, MediaRole


def embed_example(model: MovieModel, former: Any, tokens: Any, example: Example) -> Tensor:
    """Return the embeddings of one sample, [1, L, D]: frames read with its people in mind, and tokens of the people.

    Args:
        model: The model.
        former: The ID-Former, or None.
        tokens: What makes identity tokens, or None.
        example: One sample, unpacked.
    """
    ids = torch.from_numpy(example.input_ids)[None]
    embeddings = model.get_input_embeddings()(ids.clamp(min=0))
    pictures, roles = (*example.media, *example.people), (*example.roles, *example.people_roles)
    if former is not None and any(role.role == "reference" for role in roles):
        memory = _remember(model, former, pictures, roles)
        present = torch.ones(1, len(memory), dtype=torch.bool)
        conditioning = Conditioning(modulate=former, memory=memory, present=present)
        if example.people:
            embeddings = splice_identities(embeddings, ids, tokens(memory))
    media = [
        replace(one, conditioning=conditioning) if role.role == "test" else one
        for one, role in zip(example.media, example.roles, strict=True)
    ]
    if not media:
        return embeddings  # type: ignore[no-any-return]
    frames = torch.cat([model.frame_tokens(one).flatten(0, 1) for one in media])
    return embeddings.masked_scatter((ids == FRAME_SLOT)[..., None], frames)  # type: ignore[no-any-return]


def _remember(model: MovieModel, former: Any, pictures: Sequence[Media], roles: Sequence[MediaRole]) -> Tensor:
    """Return what an ID-Former remembers of a sample's people, in their order."""
    shown: dict[int, list[Tensor]] = {}
    for one, role in zip(pictures, roles, strict=True):
        if role.role == "reference" and role.identity is not None:
            assert one.pixels is not None
            shown.setdefault(role.identity, []).append(model.encode_frames(one.pixels)[:, 1:])
    memory: Tensor = former.remember([torch.cat(shown[identity]) for identity in sorted(shown)])
    return memory
