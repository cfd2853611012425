"""IDA-VLM's ID-Former as published (arXiv 2407.07577): pictures of people change how other pictures are read.

Queries read the patches of a picture and make its tokens (the pooling). What they read from the reference pictures of
a sample is a memory; the patches of the sample's test pictures look into it (the identity attention) before the same
queries read them. Names never come in here, and the order of the references does not matter: the memory has no
positions. `movieqa.memory.id_former_film` holds the smaller form made for films.

In shapes, I is the number of pictures, and D the width of the ID-Former.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from movieqa.checkpoint.ida_vlm import IdFormerConfig, load_config, read_config
from movieqa.errors import ConfigError

from .module_files import load_strictly

REFERENCE, TEST, OTHER = 0, 1, 2
"""The published flags of a picture: of an identity, to be read with identities in mind, or neither."""
PICTURE_START = 151857
"""Qwen-VL's `<img>`."""
IS_TOKEN = 374
"""Its " is"."""
NORM_EPS = 1e-6


@dataclass(frozen=True, kw_only=True)
class PictureGroup:
    """How many pictures of each kind stand together, in this order.

    Attributes:
        num_references: Pictures of identities.
        num_tests: Pictures that are read with these identities in mind; none of them changes another.
        num_others: Pictures that are read by themselves.
    """

    num_references: int = 0
    num_tests: int = 0
    num_others: int = 0

    def __post_init__(self) -> None:
        """Check the counts.

        Raises:
            ConfigError: If one is negative.
        """
        if min(self.num_references, self.num_tests, self.num_others) < 0:
            raise ConfigError(f"pictures cannot be fewer than none: {self}")

    def __len__(self) -> int:
        return self.num_references + self.num_tests + self.num_others


def group_by_flags(flags: Sequence[int]) -> tuple[PictureGroup, ...]:
    """Group pictures as the published code does, from their flags alone.

    After a run of references the next picture counts as a test whatever its flag, with all tests right behind it. So
    two samples side by side, the first one without tests, share their references: give the counts of each sample
    instead wherever they are known.

    Raises:
        ConfigError: If a flag is unknown, or a test comes before any reference.

    Example:
        >>> [len(group) for group in group_by_flags([0, 0, 1, 2])]
        [3, 1]
    """
    if unknown := set(flags) - {REFERENCE, TEST, OTHER}:
        raise ConfigError(f"a picture's flag is 0, 1 or 2, not {min(unknown)}")
    groups, place = [], 0
    while place < len(flags):
        start = place
        if flags[place] == TEST:
            raise ConfigError(f"picture {place} is a test, and no reference comes before it")
        if flags[place] == OTHER:
            place = _run(flags, place, OTHER)
            groups.append(PictureGroup(num_others=place - start))
            continue
        place = tests = _run(flags, place, REFERENCE)
        if place < len(flags):
            place = _run(flags, place + 1, TEST)
        groups.append(PictureGroup(num_references=tests - start, num_tests=place - tests))
    return tuple(groups)


def flags_of_prompts(
    input_ids: Int[Tensor, "B L"], *, picture_start: int = PICTURE_START, is_token: int = IS_TOKEN
) -> list[int]:
    """Return the flags of all pictures of a batch of prompts, as the published code tells them apart.

    A picture is a reference where " is" stands before it, as in `NAME is <img>`. In a prompt whose first picture is
    one, the others are tests; in any other prompt they are read by themselves.

    Args:
        input_ids: Ids of prompts in Qwen-VL's vocabulary.
        picture_start: Id before the slots of a picture.
        is_token: Id of the word that makes a reference of it, two places before.
    """
    flags = []
    for row in input_ids:
        starts = (row == picture_start).nonzero()[:, 0].tolist()
        are_references = [start >= 2 and int(row[start - 2]) == is_token for start in starts]
        rest = TEST if are_references[:1] == [True] else OTHER
        flags += [REFERENCE if is_reference else rest for is_reference in are_references]
    return flags


class IdFormer(nn.Module):
    """Make tokens of pictures, those of test pictures with their sample's identities in mind.

    Args:
        config: Its shape.
        detaches_memory: Whether the memory passes no gradient to the references, as published; references then learn
            only through their own tokens.

    Example:
        >>> former = IdFormer(IdFormerConfig(width=64, num_heads=2, num_queries=16, patch_width=48))
        >>> former(torch.zeros(3, 64, 48), [PictureGroup(num_references=2, num_tests=1)]).shape
        torch.Size([3, 16, 64])
    """

    def __init__(self, config: IdFormerConfig, *, detaches_memory: bool = True) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.detaches_memory = detaches_memory
        self.query = nn.Parameter(torch.empty(config.num_queries, width))
        # stored, not computed: the release's full tuning may have trained the table that was meant to stay fixed
        self.query_positions = nn.Parameter(position_table(isqrt(config.num_queries), width), requires_grad=False)
        self.patch_projector = (
            nn.Identity() if config.patch_width == width else nn.Linear(config.patch_width, width, bias=False)
        )
        self.query_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.patch_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.pooling = nn.MultiheadAttention(width, config.num_heads, batch_first=True)
        self.identity_attention = nn.MultiheadAttention(width, config.num_heads, batch_first=True)
        self.output_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.output_projector = nn.Parameter(torch.empty(width, width))
        nn.init.trunc_normal_(self.query, std=0.02)
        nn.init.normal_(self.output_projector, std=width**-0.5)
        start_silent(self.identity_attention)

    def forward(
        self, features: Float[Tensor, "I P C"], groups: Sequence[PictureGroup] | None = None
    ) -> Float[Tensor, "I Q D"]:
        """Return what the queries read from each picture; `project` makes the language model's tokens of it.

        Args:
            features: The visual tower's output for all pictures of a batch, sample after sample.
            groups: How many pictures of each kind stand together; by default every picture is read by itself.

        Raises:
            ConfigError: If the groups do not count the pictures, or the features are of another width.
        """
        groups = [PictureGroup(num_others=len(features))] if groups is None else groups
        if sum(map(len, groups)) != len(features):
            raise ConfigError(f"groups of {sum(map(len, groups))} pictures for the features of {len(features)}")
        patches = self.read_patches(features)
        parts: list[Tensor] = []
        start = 0
        for group in groups:
            tests, others = start + group.num_references, start + group.num_references + group.num_tests
            references = self.pool(patches[start:tests])
            read = patches[tests:others]
            if len(references) and len(read):
                read = self.modulate(read, self.memory(references))
            start += len(group)
            parts += [references, self.pool(torch.cat([read, patches[others:start]]))]
        return torch.cat(parts) if parts else self.pool(patches)

    def read_patches(self, features: Float[Tensor, "I P C"]) -> Float[Tensor, "I P D"]:
        """Bring the visual tower's output to the width and scale of keys and values."""
        if features.ndim != 3 or features.shape[2] != self.config.patch_width:
            raise ConfigError(
                f"features of shape {list(features.shape)} are not [pictures, patches, {self.config.patch_width}]"
            )
        return self.patch_norm(self.patch_projector(features))  # type: ignore[no-any-return]

    def pool(self, patches: Float[Tensor, "I P D"]) -> Float[Tensor, "I Q D"]:
        """Let the queries read pictures; positions are on queries and keys, never on values."""
        if not len(patches):
            return patches.new_empty(0, self.config.num_queries, self.config.width)
        query = (self.query_norm(self.query) + self.query_positions).expand(len(patches), -1, -1)
        keys = patches + self.key_positions(patches.shape[1]).to(patches)
        return self.pooling(query, keys, patches, need_weights=False)[0]  # type: ignore[no-any-return]

    def memory(self, pooled: Float[Tensor, "I Q D"]) -> Float[Tensor, "M D"]:
        """Return the memory of reference pictures, M = I Q rows, picture after picture."""
        memory = pooled.flatten(0, 1)
        return memory.detach() if self.detaches_memory else memory

    def modulate(self, patches: Float[Tensor, "I P D"], memory: Float[Tensor, "M D"]) -> Float[Tensor, "I P D"]:
        """Let the patches of test pictures look into the memory and add what they find."""
        # every patch looks by itself, so all pictures are one row of patches and the memory is projected once
        query = (patches + self.key_positions(patches.shape[1]).to(patches)).flatten(0, 1)[None]
        found: Tensor = self.identity_attention(query, memory[None], memory[None], need_weights=False)[0]
        return patches + found.view_as(patches)

    def project(self, pooled: Float[Tensor, "I Q D"]) -> Float[Tensor, "I Q D"]:
        """Return the tokens that the language model reads."""
        return self.output_norm(pooled) @ self.output_projector  # type: ignore[no-any-return]

    def key_positions(self, num_patches: int) -> Float[Tensor, "P D"]:
        """Return the positions of patches: those of the queries, resized.

        Raises:
            ConfigError: If the patches are no square.
        """
        old, new = isqrt(self.config.num_queries), isqrt(num_patches)
        if new * new != num_patches:
            raise ConfigError(f"{num_patches} patches are no square")
        if old == new:
            return self.query_positions
        square = self.query_positions.float().T.view(1, -1, old, old)
        resized = functional.interpolate(square, size=(new, new), mode="bicubic", align_corners=False)
        return resized.flatten(2)[0].T

    @classmethod
    def load(cls, folder: str | Path, *, dtype: torch.dtype | None = None) -> IdFormer:
        """Load what `movieqa.checkpoint.ida_vlm.convert_id_former` made.

        Raises:
            CheckpointError: If the folder is no converted ID-Former, or a tensor is missing, surplus, misshapen or not
                finite.

        Example:
            >>> former = IdFormer.load("id-former", dtype=torch.bfloat16)  # doctest: +SKIP
        """
        config = read_config(Path(folder), load_config)
        with torch.device("meta"):
            former = cls(config)
        load_strictly(former, Path(folder), dtype=dtype)
        return former.eval()


def position_table(side: int, width: int) -> Float[Tensor, "P D"]:
    """Return sine-cosine positions of a square: the first half of the channels tells the column, the rest the row.

    Example:
        >>> position_table(4, 8).shape
        torch.Size([16, 8])
    """
    quarter = width // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.arange(side, dtype=torch.float64)[:, None] * frequencies
    along = torch.cat([angles.sin(), angles.cos()], dim=-1)
    columns, rows = along.expand(side, side, -1), along[:, None].expand(side, side, -1)
    return torch.cat([columns, rows], dim=-1).flatten(0, 1).float()


@torch.no_grad()
def start_silent(attention: nn.MultiheadAttention) -> None:
    """Zero what an attention adds, so that it changes nothing until it is trained.

    Call it after weights are loaded too: in the published code the model's own initialiser redrew these zeros.
    """
    nn.init.zeros_(attention.out_proj.weight)
    nn.init.zeros_(attention.out_proj.bias)


def _run(flags: Sequence[int], start: int, flag: int) -> int:
    """Return where a run of one flag ends."""
    end = start
    while end < len(flags) and flags[end] == flag:
        end += 1
    return end
