"""Tokens for the language model made of what the ID-Former remembers of a person: who stands behind a slot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.ida_vlm import CONFIG_FILE, load_sizes, read_config
from movieqa.errors import ConfigError

from .film_identities import FilmIdentities
from .module_files import load_strictly

KIND = "movieqa-identity-tokens"
FOLDER = "identity-tokens"
"""Inside the folder of the model that they were trained with."""


@dataclass(frozen=True, kw_only=True)
class IdentityTokensConfig:
    """The shape of identity tokens.

    Attributes:
        vision_width: Width C of what the ID-Former remembers.
        language_width: Width D of the language model.
        num_tokens: Tokens S of each person.
    """

    vision_width: int = 1408
    language_width: int = 4096
    num_tokens: int = 4

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ConfigError: If one cannot work.
        """
        if min(self.vision_width, self.language_width, self.num_tokens) < 1:
            raise ConfigError("sizes of identity tokens must be at least 1")


class IdentityTokens(nn.Module):
    """Pool the memory of each person to a few vectors and bring them to the language model's width.

    Args:
        config: Its shape.

    Example:
        >>> make = IdentityTokens(IdentityTokensConfig(vision_width=32, language_width=64))
        >>> make(torch.zeros(5, 8, 32)).shape
        torch.Size([5, 4, 64])
    """

    def __init__(self, config: IdentityTokensConfig) -> None:
        super().__init__()
        self.config = config
        self.projector = nn.Linear(config.vision_width, config.language_width)

    def forward(self, memory: Float[Tensor, "K Q C"]) -> Float[Tensor, "K S D"]:
        """Return each person's tokens; neighbouring queries are averaged.

        Raises:
            ConfigError: If the memory is of another width.
        """
        if memory.ndim != 3 or memory.shape[2] != self.config.vision_width:
            raise ConfigError(f"a memory of shape {list(memory.shape)} is not [K, Q, {self.config.vision_width}]")
        pooled = functional.adaptive_avg_pool1d(memory.transpose(1, 2), self.config.num_tokens).transpose(1, 2)
        projected: Tensor = self.projector(pooled.to(self.projector.weight))
        return projected

    def save(self, folder: str | Path) -> None:
        """Write it to a new folder.

        Raises:
            CheckpointError: If the folder exists, or the disk refuses.
        """
        with new_folder(Path(folder)) as path:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
            save_file(tensors, path / "model.safetensors")
            content = {"model_type": KIND, **asdict(self.config)}
            (path / CONFIG_FILE).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> IdentityTokens:
        """Load what `save` wrote.

        Raises:
            CheckpointError: If it is something else, or a tensor is missing, surplus, misshapen or not finite.
        """
        made = cls(read_config(Path(folder), _load_config))
        load_strictly(made, Path(folder))
        return made.eval()


class FilmIdentityTokens:
    """Makes identity tokens of one film's people; fits `FilmSession(..., identity_tokens=...)`.

    Args:
        make: Trained with the model and its ID-Former.
        people: The film's people as the ID-Former remembers them.
        language_width: Width of the language model.

    Raises:
        ConfigError: If the tokens are made for another language model.
    """

    def __init__(self, make: IdentityTokens, people: FilmIdentities, *, language_width: int) -> None:
        if make.config.language_width != language_width:
            raise ConfigError(
                f"identity tokens are {make.config.language_width} wide, and the language model {language_width}",
                hint="take those that were trained with this model",
            )
        self._make = make
        self._people = people
        self._known: tuple[tuple[int, ...], float | None, Tensor] | None = None

    @property
    def num_tokens(self) -> int:
        """Tokens S of each person."""
        return self._make.config.num_tokens

    @torch.no_grad()
    def tokens(self, people: Sequence[int], until: float | None) -> Float[Tensor, "K S D"]:
        """Return the tokens of people, by id; nothing shown at or after `until`, in seconds, is used."""
        wanted = tuple(people)
        if self._known is None or self._known[:2] != (wanted, until):
            self._known = (wanted, until, self._make(self._people.memory(wanted, until)))
        return self._known[2]


def open_identity_tokens(model: Path) -> IdentityTokens | None:
    """Load what a model's folder holds; None where it has none.

    Raises:
        CheckpointError: It is damaged.
    """
    return IdentityTokens.load(model / FOLDER) if (model / FOLDER).is_dir() else None


def _load_config(data: bytes) -> IdentityTokensConfig:
    return IdentityTokensConfig(**load_sizes(data, KIND))
