"""Frames become tokens: context attention, content pooling, projectors, token order and the splice.

This is the part of the model that is not in transformers. For one frame, with V the patches of the vision tower and
T the queries that have read the guidance text (LLaMA-VID, arXiv 2311.17043, section 3.2):

    context token  = mean over the queries of softmax(T K' / sqrt(C)) V, projected;  K = V Wk + bk
    content tokens = pooled V, projected
    frame          = [context token, content tokens]

Five exact rearrangements save most of the work. The key projection is applied to the Q queries instead of the P
patches, since T (V Wk)' = (T Wk') V'. Its bias adds one constant to a whole row of the softmax and cancels. What makes
T of the text decoder's output E, T = E Wt + bt, is joined with it: T Wk' = E (Wt Wk') + bt Wk'. The mean over the
queries is taken on the attention weights, so that one weighted sum is left instead of Q; where the content is the mean
of the patches, it is one product with that sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from movieqa.errors import ConfigError
from movieqa.model.conditioning import Conditioning
from movieqa.model.config import grid_stride
from movieqa.prompt import FRAME_SLOT


@dataclass(frozen=True, kw_only=True, eq=False)
class Media:
    """One picture, video or film, and the text that guides its context tokens.

    Exactly one of `pixels` and `features` is given. What comes from stored features reaches the text decoder without
    its class token, what comes from pixels reaches it with: so were the published models trained.

    Attributes:
        guidance_ids: Token ids of the guidance text, [L].
        pixels: Preprocessed frames, [T, 3, H, W]; a picture is a video of one frame.
        features: Vision tower output with the class token first, [T, 1+P, C], of any float type, on any device.
        frame_indices: Which of the stored features are used, [T], so that a thinned film is not copied; all by default.
        conditioning: Who is in the T frames; changes their patches before tokens are made of them.

    Raises:
        ConfigError: If neither or both of the two are given, or a shape cannot be right.

    Example:
        >>> Media(guidance_ids=torch.tensor([1]), pixels=torch.zeros(2, 3, 8, 8)).num_frames
        2
    """

    guidance_ids: Int[Tensor, " L"]
    pixels: Float[Tensor, "T 3 H W"] | None = None
    features: Float[Tensor, "F R C"] | None = None
    frame_indices: Int[Tensor, " T"] | None = None
    conditioning: Conditioning | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a picture, a video or a film."""
        if (self.pixels is None) == (self.features is None):
            raise ConfigError("a medium has either pixels or features, not both and not neither")
        if self.guidance_ids.ndim != 1 or not len(self.guidance_ids):
            raise ConfigError(f"guidance_ids must be one row of tokens, not of shape {tuple(self.guidance_ids.shape)}")
        if self.pixels is not None and (self.pixels.ndim != 4 or self.pixels.shape[1] != 3):
            raise ConfigError(f"pixels must have shape [T, 3, H, W], not {tuple(self.pixels.shape)}")
        if self.features is not None and self.features.ndim != 3:
            raise ConfigError(f"features must have shape [T, 1+P, C], not {tuple(self.features.shape)}")
        if self.frame_indices is not None:
            stored = 0 if self.features is None else len(self.features)
            chosen = self.frame_indices
            if chosen.ndim != 1 or (len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) < stored):
                raise ConfigError(f"frame_indices must choose among the {stored} frames that have features")
        if not self.num_frames:
            raise ConfigError("a medium without a frame")
        if self.conditioning is not None:
            self.conditioning.check(self.num_frames)

    @property
    def num_frames(self) -> int:
        """Frames T."""
        if self.frame_indices is not None:
            return len(self.frame_indices)
        frames = self.pixels if self.pixels is not None else self.features
        return 0 if frames is None else len(frames)


class ContextAttention(nn.Module):
    """Sum the patches of a frame up in one vector, weighted by what the guidance text asks for.

    `key_projector.bias` has no influence (it cancels in the softmax); it is kept because published checkpoints hold it.

    Args:
        query_width: Width of the text decoder.
        vision_width: Width C of the patches.
        output_width: Width D of the language model.
    """

    def __init__(self, query_width: int, vision_width: int, output_width: int) -> None:
        super().__init__()
        self.query_projector = nn.Linear(query_width, vision_width)
        self.key_projector = nn.Linear(vision_width, vision_width)
        self.value_projector = nn.Linear(vision_width, output_width)

    def forward(self, queries: Float[Tensor, "T Q E"], patches: Float[Tensor, "T P C"]) -> Float[Tensor, "T D"]:
        """Return one context token per frame."""
        return self.value_projector(self.pool(queries, patches))  # type: ignore[no-any-return]

    def pool(self, queries: Float[Tensor, "T Q E"], patches: Float[Tensor, "T P C"]) -> Float[Tensor, "T C"]:
        """Return the attended patches before the projection to the language model's width."""
        return (self.weigh(queries, patches) @ patches)[:, 0]

    def weigh(self, queries: Float[Tensor, "T Q E"], patches: Float[Tensor, "T P C"]) -> Float[Tensor, "T 1 P"]:
        """Return how much of every patch goes into its frame's context token."""
        project, keys = self.query_projector, self.key_projector.weight
        if queries.shape[0] * queries.shape[1] > queries.shape[2]:  # a block of frames: Wt Wk' is the cheaper product
            folded = queries @ (project.weight.T @ keys) + project.bias @ keys
        else:
            folded = project(queries) @ keys
        scores = folded @ patches.transpose(1, 2) * patches.shape[-1] ** -0.5
        return scores.float().softmax(dim=-1).mean(dim=1, keepdim=True).to(patches.dtype)  # type: ignore[no-any-return]


def pool_twice(
    weights: Float[Tensor, "T 1 P"], patches: Float[Tensor, "T P C"], pooling: str, grid_size: int
) -> tuple[Float[Tensor, "T C"], Float[Tensor, "T M C"]]:
    """Return the patches of every frame pooled by the context attention's weights, and to content vectors.

    Where the content is the mean, both are one product, so that the patches are read from memory once.
    """
    if pooling != "mean":
        return (weights @ patches)[:, 0], pool_patches(patches, pooling, grid_size)
    even = torch.full_like(weights, 1 / patches.shape[1])
    attended, mean = torch.split(torch.cat([weights, even], dim=1) @ patches, 1, dim=1)
    return attended[:, 0], mean


def pool_patches(patches: Float[Tensor, "T P C"], pooling: str, grid_size: int) -> Float[Tensor, "T M C"]:
    """Pool the patches of every frame to content vectors.

    Args:
        patches: Vision tower output without the class token.
        pooling: `mean` (one vector), `grid` (averages over square windows, row by row) or `none`.
        grid_size: Cells along one side, for `grid`.

    Returns:
        M = `count_content_tokens(P, pooling, grid_size)` vectors per frame.

    Raises:
        ConfigError: If a grid is asked of patches that are no square.
    """
    if pooling == "mean":
        return patches.mean(dim=1, keepdim=True)
    if pooling == "none":
        return patches
    side, stride = grid_stride(patches.shape[1], grid_size)
    square = rearrange(patches, "t (row column) c -> t c row column", row=side)
    return rearrange(functional.avg_pool2d(square, stride), "t c row column -> t (row column) c")


def build_projector(kind: str, vision_width: int, output_width: int) -> nn.Module:
    """Build the layer that brings content vectors [.., C] to the language model's width [.., D]."""
    if kind == "linear":
        return nn.Linear(vision_width, output_width)
    return nn.Sequential(nn.Linear(vision_width, output_width), nn.GELU(), nn.Linear(output_width, output_width))


def order_tokens(context: Float[Tensor, "T D"], content: Float[Tensor, "T M D"]) -> Float[Tensor, "T N D"]:
    """Put the context token of every frame before its content tokens."""
    return torch.cat([context[:, None], content], dim=1)


def splice(
    embeddings: Float[Tensor, "B L D"], input_ids: Int[Tensor, "B L"], tokens: Sequence[Sequence[Float[Tensor, "_ D"]]]
) -> Float[Tensor, "B L D"]:
    """Write the frame tokens of each sample over its frame slots, in order.

    Args:
        embeddings: Word embeddings; rows under a frame slot are overwritten.
        input_ids: Ids that hold `FRAME_SLOT` wherever a frame token goes.
        tokens: For each sample the tokens of its media, flat, in the order of the prompt.

    Returns:
        The embeddings with every slot filled.

    Raises:
        ConfigError: If a sample has more or fewer slots than frame tokens.
    """
    is_slot = input_ids == FRAME_SLOT
    rows = [row for sample in tokens for row in sample]
    if len(tokens) != len(input_ids):
        raise ConfigError(f"{len(input_ids)} prompts were given with the media of {len(tokens)}")
    for index, sample in enumerate(tokens):
        num_slots, num_tokens = int(is_slot[index].sum()), sum(len(row) for row in sample)
        if num_slots != num_tokens:
            raise ConfigError(
                f"prompt {index} has {num_slots} frame slots for {num_tokens} frame tokens",
                hint="build prompt and media with the same processor",
            )
    if not rows:
        return embeddings
    return embeddings.masked_scatter(is_slot[..., None], torch.cat(rows).to(embeddings))
