"""Who is in a frame changes how its patches are read; it comes in with the call and is never kept by the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from movieqa.errors import ConfigError


class Modulator(Protocol):
    """Changes the patches of frames by the identities in each of them."""

    def __call__(
        self, patches: Float[Tensor, "T P C"], memory: Float[Tensor, "K Q C"], present: Bool[Tensor, "T K"]
    ) -> Float[Tensor, "T P C"]:
        """Return the patches; those of a frame with nobody present exactly as they came."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """Identities and the frames each of them is in, row `t` for frame `t` of what it is given with.

    Without identities, and for frames with nobody present, features stay what they are, to the bit. To switch
    conditioning off, give the model None.

    Attributes:
        modulate: Changes the patches.
        memory: What is remembered of each identity, [K, Q, C].
        present: Who is in which frame, [T, K].

    Raises:
        ConfigError: If memory and presence are not of the same identities.
    """

    modulate: Modulator
    memory: Float[Tensor, "K Q C"]
    present: Bool[Tensor, "T K"]

    def __post_init__(self) -> None:
        """Check that both are of the same identities."""
        if self.memory.ndim != 3 or self.present.ndim != 2 or self.present.dtype != torch.bool:
            raise ConfigError("conditioning needs a memory [K, Q, C] and a presence Bool[T, K]")
        if len(self.memory) != self.present.shape[1]:
            raise ConfigError(f"a memory of {len(self.memory)} identities and a presence of {self.present.shape[1]}")

    @property
    def num_frames(self) -> int:
        """Frames T it says something of."""
        return len(self.present)

    def rows(self, frames: Int[Tensor, " N"] | slice) -> Conditioning:
        """Return what it says of chosen frames."""
        return replace(self, present=self.present[frames])

    def check(self, num_frames: int) -> None:
        """Raise `ConfigError` unless it speaks of so many frames."""
        if self.num_frames != num_frames:
            raise ConfigError(f"conditioning of {self.num_frames} frames for {num_frames} frames")

    def apply(self, features: Float[Tensor, "T R C"]) -> Float[Tensor, "T R C"]:
        """Return features with their patches changed; the class token, their first row, stays.

        Raises:
            ConfigError: If it speaks of more or fewer frames, or the memory is of another width.
        """
        self.check(len(features))
        if not bool(self.present.any()):
            return features
        if self.memory.shape[2] != features.shape[2]:
            raise ConfigError(
                f"identities remembered {self.memory.shape[2]} wide for features of width {features.shape[2]}",
                hint="remember them with this model's vision tower",
            )
        patches = self.modulate(features[:, 1:], self.memory.to(features.device), self.present.to(features.device))
        return torch.cat([features[:, :1], patches.to(features.dtype)], dim=1)


class FilmConditioner(Protocol):
    """Knows the identities of one film."""

    def conditioning(self, until: float | None) -> Conditioning | None:
        """Return who is in which sampled frame, row by row; None when nobody is.

        The same object comes back for the same `until`, in seconds; nothing shown at or after it is used.
        """


class IdentityTokenSource(Protocol):
    """Makes tokens for the language model of the pictures of people."""

    @property
    def num_tokens(self) -> int:
        """Tokens S of each person."""

    def tokens(self, people: Sequence[int], until: float | None) -> Float[Tensor, "K S D"]:
        """Return the tokens of people, by id; nothing shown at or after `until`, in seconds, is used."""
