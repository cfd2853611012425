"""A film's frame tokens: what does not depend on the question is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from movieqa.features import FrameFeatures
from movieqa.model.conditioning import Conditioning
from movieqa.model.modeling import MovieModel
from movieqa.model.tokens import order_tokens

_SPARE_SHARE = 0.5  # of a GPU's free memory, at most, for features; the rest is for the prompt


class FilmTokens:
    """Frame tokens of one film and one model, made of stored features.

    Args:
        model: The model.
        features: Of the film. On a GPU they are kept there where they take less than half of what is free; otherwise
            they are read from disk block by block.
    """

    def __init__(self, model: MovieModel, features: FrameFeatures) -> None:
        self._model = model
        self._features = features
        self._device = model.device
        self._resident = self._load() if self._fits() else None
        self._content = _Store(len(features), self._content_of)
        self._context = _Store(len(features), self._context_of)
        self._kept_guidance: Tensor | None = None
        self._conditioning: Conditioning | None = None

    def tokens(
        self,
        frames: Sequence[int],
        guidance_ids: Int[Tensor, " L"],
        *,
        keep: bool,
        conditioning: Conditioning | None = None,
    ) -> Float[Tensor, "T N D"]:
        """Return the N tokens of each of the chosen frames, the context token first.

        Args:
            frames: Indices of sampled frames.
            guidance_ids: Ids of the text that guides the context tokens.
            keep: Whether the context tokens will be asked for again with the same text.
            conditioning: Who is in the film's sampled frames, a row for each; tokens made with another are forgotten.
        """
        wanted = np.asarray(frames, dtype=np.int64)
        if conditioning is not self._conditioning:
            self._content = _Store(len(self._features), self._content_of)
            self._context = _Store(len(self._features), self._context_of)
            self._conditioning = conditioning
        with torch.inference_mode():
            content = self._content.get(wanted, self._blocks)
            if not keep:
                parts = [self._context_with(block, guidance_ids) for block in self._blocks(wanted)]
                return order_tokens(torch.cat(parts), content)
            if self._kept_guidance is None or not torch.equal(self._kept_guidance, guidance_ids):
                self._context = _Store(len(self._features), self._context_of)
                self._kept_guidance = guidance_ids
            return order_tokens(self._context.get(wanted, self._blocks), content)

    def _blocks(self, frames: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        size = self._model.config.frames_per_block
        return [frames[start : start + size] for start in range(0, len(frames), size)]

    def _read(self, frames: NDArray[np.int64]) -> Float[Tensor, "T R C"]:
        if self._resident is None:
            return self._features.read(frames, device=self._device)
        return self._resident[torch.from_numpy(frames).to(self._device)]

    def _content_of(self, frames: NDArray[np.int64]) -> Tensor:
        return self._model.content_tokens(self._read(frames), conditioning=self._rows(frames))

    def _context_of(self, frames: NDArray[np.int64]) -> Tensor:
        assert self._kept_guidance is not None
        return self._context_with(frames, self._kept_guidance)

    def _context_with(self, frames: NDArray[np.int64], guidance_ids: Int[Tensor, " L"]) -> Tensor:
        return self._model.context_tokens(
            self._read(frames), guidance_ids, reads_class_token=False, conditioning=self._rows(frames)
        )

    def _rows(self, frames: NDArray[np.int64]) -> Conditioning | None:
        return None if self._conditioning is None else self._conditioning.rows(torch.from_numpy(frames))

    def _fits(self) -> bool:
        if self._device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self._device)
        facts = self._features.facts
        return facts.num_frames * facts.num_rows * facts.width * 2 < free * _SPARE_SHARE

    def _load(self) -> Float[Tensor, "T R C"]:
        facts = self._features.facts
        resident = torch.empty(facts.num_frames, facts.num_rows, facts.width, dtype=torch.float16, device=self._device)
        for block in self._blocks(np.arange(facts.num_frames)):
            resident[int(block[0]) : int(block[-1]) + 1] = self._features.read(block, device=self._device)
        return resident


class _Store:
    """Rows that are computed when they are first asked for."""

    def __init__(self, num_frames: int, compute: Callable[[NDArray[np.int64]], Tensor]) -> None:
        self._compute = compute
        self._is_known = np.zeros(num_frames, dtype=np.bool_)
        self._rows: Tensor | None = None

    def get(self, frames: NDArray[np.int64], split: Callable[[NDArray[np.int64]], list[NDArray[np.int64]]]) -> Tensor:
        for block in split(frames[~self._is_known[frames]]):
            made = self._compute(block)
            if self._rows is None:
                self._rows = made.new_empty(len(self._is_known), *made.shape[1:])
            self._rows[torch.from_numpy(block).to(made.device)] = made
            self._is_known[block] = True
        assert self._rows is not None
        return self._rows[torch.from_numpy(frames).to(self._rows.device)]
