"""The ID-Former made for films: a few queries for each identity, and frames that look only at who is in their shot.

For one frame with patches f, and Z the memories of the identities placed in its shot:

    Z  = mean over the identity's references of  pooling(queries, patches of the reference)
    f' = f + tanh(gate) * identity_attention(f with positions, Z)

It adds no token to a prompt. Both attentions are as wide as the vision tower, so that twenty identities of eight
queries are a memory of 160 rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isqrt
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from safetensors.torch import save_file
from torch import Tensor, nn

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.ida_vlm import CONFIG_FILE, load_sizes, read_config
from movieqa.errors import CheckpointError, ConfigError

from .id_former import NORM_EPS, position_table, start_silent
from .module_files import load_strictly

KIND = "movieqa-id-former"
FOLDER = "id-former"
"""Of the ID-Former inside the folder of the model that it was trained with."""
_WIDTH_OF_HEAD = 128
_CHANGING = ("identity_attention.", "gate")  # the part that changes frames; the rest remembers


@dataclass(frozen=True, kw_only=True)
class FilmIdFormerConfig:
    """The shape of the film's ID-Former.

    Attributes:
        vision_width: Width C of the vision tower's patches.
        num_heads: Attention heads of both attentions.
        num_queries: Queries Q for each identity.
    """

    vision_width: int = 1408
    num_heads: int = 11
    num_queries: int = 8

    def __post_init__(self) -> None:
        """Check what the arithmetic relies on.

        Raises:
            ConfigError: If a size cannot work.
        """
        if min(self.vision_width, self.num_heads, self.num_queries) < 1:
            raise ConfigError("sizes of an ID-Former must be at least 1")
        if self.vision_width % self.num_heads or self.vision_width % 4:
            raise ConfigError(
                f"a width of {self.vision_width} must be a multiple of 4 and of its {self.num_heads} heads"
            )


def film_id_former(vision_width: int) -> FilmIdFormerConfig:
    """Return the shape for a vision tower: eight queries, heads of 128 channels.

    Example:
        >>> film_id_former(1408).num_heads
        11
    """
    return FilmIdFormerConfig(vision_width=vision_width, num_heads=max(1, vision_width // _WIDTH_OF_HEAD))


class FilmIdFormer(nn.Module):
    """Remember identities, and read frames with those in mind that are in their shot.

    A new one changes nothing: what the identity attention adds starts at zero. The gate does not start at zero too, for
    then neither of the two would ever get a gradient; it scales what was learned, and zero switches it off to the bit.

    Args:
        config: Its shape.

    Example:
        >>> former = FilmIdFormer(film_id_former(32))
        >>> memory = former.remember([torch.zeros(3, 64, 32), torch.zeros(1, 64, 32)])
        >>> former(torch.zeros(5, 64, 32), memory, torch.ones(5, 2, dtype=torch.bool)).shape
        torch.Size([5, 64, 32])
    """

    def __init__(self, config: FilmIdFormerConfig) -> None:
        super().__init__()
        width = config.vision_width
        self.config = config
        self.query = nn.Parameter(torch.empty(config.num_queries, width))
        self.query_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.patch_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.pooling = nn.MultiheadAttention(width, config.num_heads, batch_first=True)
        self.identity_attention = nn.MultiheadAttention(width, config.num_heads, batch_first=True)
        self.gate = nn.Parameter(torch.ones(()))
        nn.init.trunc_normal_(self.query, std=0.02)
        self.silence()

    def silence(self) -> None:
        """Let it change nothing until it is trained; to be called again when something has redrawn its weights."""
        start_silent(self.identity_attention)

    def remember(self, references: Sequence[Float[Tensor, "R P C"]]) -> Float[Tensor, "K Q C"]:
        """Return the memories of identities, in order; each is the mean of what its references give.

        Args:
            references: For each identity the patches of its reference pictures, at least one, without class tokens.

        Raises:
            ConfigError: If an identity has no reference, or patches are of another width or no square.
        """
        if not references:
            return self.query.new_empty(0, *self.query.shape)
        return torch.stack([self._read(self._patches(pictures)).mean(dim=0) for pictures in references])

    def forward(
        self, patches: Float[Tensor, "T P C"], memory: Float[Tensor, "K Q C"], present: Bool[Tensor, "T K"]
    ) -> Float[Tensor, "T P C"]:
        """Return the patches of frames, changed by the identities present in each.

        Frames look only at their own identities, whoever else is remembered; the order of identities changes nothing.
        Frames with nobody present come back as they are, to the bit.

        Args:
            patches: Of frames, without class tokens, in any float type.
            memory: From `remember`.
            present: Who is in which frame.

        Raises:
            ConfigError: If patches are of another width or no square.
        """
        if not bool(self.gate):
            return patches
        changed = patches.clone()
        positions = self._positions(patches)
        sets, set_of_frame = torch.unique(present, dim=0, return_inverse=True)
        for number, who in enumerate(sets):  # frames of one shot share a set: no padding, no mask, nobody else's rows
            if not bool(who.any()):
                continue
            frames = (set_of_frame == number).nonzero()[:, 0]
            changed[frames] = patches[frames] + self._found(patches[frames], memory[who], positions).to(patches)
        return changed

    def _found(
        self, patches: Float[Tensor, "T P C"], memory: Float[Tensor, "K Q C"], positions: Float[Tensor, "P C"]
    ) -> Float[Tensor, "T P C"]:
        normed = self.patch_norm(self._patches(patches))
        query = (normed + positions).flatten(0, 1)[None]
        rows = memory.to(normed).flatten(0, 1)[None]
        found: Tensor = self.identity_attention(query, rows, rows, need_weights=False)[0]
        return self.gate.tanh() * found.view_as(normed)

    def _read(self, patches: Float[Tensor, "R P C"]) -> Float[Tensor, "R Q C"]:
        normed = self.patch_norm(patches)
        query = self.query_norm(self.query).expand(len(patches), -1, -1)
        read: Tensor = self.pooling(query, normed + self._positions(normed), normed, need_weights=False)[0]
        return read

    def _patches(self, patches: Tensor) -> Tensor:
        if patches.ndim != 3 or not len(patches) or patches.shape[2] != self.config.vision_width:
            raise ConfigError(
                f"patches of shape {list(patches.shape)} are not [pictures, patches, {self.config.vision_width}]"
            )
        return patches.to(self.query.device, self.query.dtype)

    def _positions(self, patches: Tensor) -> Float[Tensor, "P C"]:
        side = isqrt(patches.shape[1])
        if side * side != patches.shape[1]:
            raise ConfigError(f"{patches.shape[1]} patches are no square")
        return position_table(side, self.config.vision_width).to(self.query)

    def save(self, folder: str | Path) -> None:
        """Write it to a new folder.

        Raises:
            CheckpointError: If the folder exists, or the disk refuses.
        """
        with new_folder(Path(folder)) as path:
            save_file(
                {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self.state_dict().items()},
                path / "model.safetensors",
            )
            content = {"model_type": KIND, **asdict(self.config)}
            (path / CONFIG_FILE).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, *, dtype: torch.dtype | None = None, starts_silent: bool = False) -> FilmIdFormer:
        """Load what `save` wrote.

        Args:
            folder: Where it is.
            dtype: Type of its numbers; as stored by default.
            starts_silent: Take only what it has learned of remembering, for a training of the identity attention that
                starts from here; what the folder holds of that attention and the gate is not read.

        Raises:
            CheckpointError: If it is something else, or a tensor is missing, surplus, misshapen or not finite.

        Example:
            >>> former = FilmIdFormer.load("id-former", dtype=torch.bfloat16)  # doctest: +SKIP
        """
        former = cls(read_config(Path(folder), _load_config))
        load_strictly(former, Path(folder), dtype=dtype, left_out=_CHANGING if starts_silent else ())
        if starts_silent:
            former.silence()  # after loading: an initialiser that runs before it may have redrawn the zeros
        return former.eval()


def open_id_former(model: Path) -> FilmIdFormer:
    """Load the ID-Former that a model's folder holds.

    Raises:
        CheckpointError: It holds none, or one that is damaged.
    """
    if not (model / FOLDER).is_dir():
        raise CheckpointError(f"{model} holds no ID-Former ({FOLDER}/)", hint="name a model that was trained with one")
    return FilmIdFormer.load(model / FOLDER)


def check_width(former: FilmIdFormer, width: int, name: str) -> None:
    """Raise `ConfigError` unless an ID-Former reads the patches of a model, by their width."""
    if former.config.vision_width != width:
        raise ConfigError(
            f"the ID-Former reads patches {former.config.vision_width} wide, and {name} has {width}",
            hint="take the ID-Former that was trained with this model",
        )


def _load_config(data: bytes) -> FilmIdFormerConfig:
    return FilmIdFormerConfig(**load_sizes(data, KIND))
