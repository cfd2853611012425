"""A vision tower of a few layers that is taught from captions which words go with a picture, as CLIP's are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import get_scheduler
from transformers.models.instructblip.modeling_instructblip import InstructBlipVisionModel

_LR, _AT_ONCE = 2e-3, 32
_SMALL_WORDS = {"a", "an", "and", "at", "from", "in", "on", "somebody", "the"}


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A picture of the training films.

    Attributes:
        picture: Its file.
        caption: What is said of it.
    """

    picture: Path
    caption: str


def telling_words(caption: str) -> list[str]:
    """Return the words of a caption that tell what is seen, as often as they stand in it.

    Example:
        >>> telling_words("A woman and a woman in the park.")
        ['woman', 'woman', 'park']
    """
    return [word for word in re.findall(r"[a-z]+", caption.lower()) if word not in _SMALL_WORDS]


def teach_tower(
    tower: InstructBlipVisionModel, pixels: Float[Tensor, "T 3 H W"], captions: Sequence[str], *, steps: int, seed: int
) -> float:
    """Teach the mean of a picture's patches which words its caption has, and how often; the words' weights are dropped.

    Args:
        tower: Is changed.
        pixels: The pictures, preprocessed.
        captions: For each picture its caption.
        steps: Updates.
        seed: Of the order of pictures.

    Returns:
        The loss at the end, summed over words, a mean over the last tenth of the steps.
    """
    labels = _labels(captions)
    dice, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    width = tower.config.hidden_size
    head = nn.Linear(width, labels.shape[1])
    tower.requires_grad_(True).train()
    weights = [*tower.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=_LR, weight_decay=0.05)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=steps // 10, num_training_steps=steps)
    losses = []
    for _ in range(steps):
        chosen = torch.from_numpy(dice.integers(len(pixels), size=_AT_ONCE))
        is_mirrored = torch.rand(_AT_ONCE, 1, 1, 1, generator=generator) < 0.5
        shown = torch.where(is_mirrored, pixels[chosen].flip(3), pixels[chosen])
        told = head(tower(shown).last_hidden_state[:, 1:].mean(dim=1))
        loss = binary_cross_entropy_with_logits(told, labels[chosen], reduction="sum") / _AT_ONCE
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 5.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    with torch.no_grad():
        for layer in tower.encoder.layers:
            layer.self_attn.qkv.bias[width : 2 * width] = 0  # what noise made of it cancels in the softmax
    tower.requires_grad_(False).eval()
    return float(np.mean(losses[-max(1, steps // 10) :]))


def _labels(captions: Sequence[str]) -> Float[Tensor, "T W"]:
    """Return which words each caption has; a word that stands in it twice is two words."""
    told = [
        {(word, rank) for word, count in Counter(telling_words(caption)).items() for rank in range(count)}
        for caption in captions
    ]
    names = sorted(set().union(*told))
    return torch.tensor([[float(name in words) for name in names] for words in told])
