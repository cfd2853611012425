"""The recordings of LLaMA-VID, and the converted model that has to repeat them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from movieqa.checkpoint import Architecture
from movieqa.prompt import FRAME_SLOT, IGNORED_LABEL

FOLDER = Path(__file__).parent.parent / "assets" / "golden" / "llama-vid"
ARCHITECTURE = Architecture(num_vision_heads=4, num_vision_layers=3, num_text_decoder_heads=4, image_size=112)

FEATURES = {"rtol": 0.0, "atol": 2e-5}
"""Tolerance of features, tokens and embeddings."""
LOGITS = {"rtol": 0.0, "atol": 1e-4}
"""Tolerance of logits."""


@cache
def arrays(name: str) -> dict[str, Tensor]:
    """Return one recording."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@cache
def texts() -> dict[str, Any]:
    """Return the strings and ids."""
    content: dict[str, Any] = json.loads((FOLDER / "text.json").read_text(encoding="utf-8"))
    return content


def expand(ids: Tensor, counts: list[int], labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Write each recorded placeholder as the frame slots that it stands for."""
    labels = ids if labels is None else labels
    new_ids: list[int] = []
    new_labels: list[int] = []
    remaining = iter(counts)
    for token, label in zip(ids.tolist(), labels.tolist(), strict=True):
        is_slot = token == FRAME_SLOT
        count = next(remaining) if is_slot else 1
        new_ids += [token] * count
        new_labels += [IGNORED_LABEL if is_slot else label] * count
    return torch.tensor(new_ids), torch.tensor(new_labels)


def expand_batch(case: dict[str, Tensor], counts: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Expand a padded batch, and pad it again on the right: ids, mask, labels."""
    rows = [
        (*expand(ids[mask], count, labels[mask]), int((~mask).sum()))
        for ids, mask, labels, count in zip(
            case["input_ids"], case["attention_mask_in"], case["labels_in"], counts, strict=True
        )
    ]
    length = max(len(ids) + padding for ids, _, padding in rows)
    input_ids = torch.zeros(len(rows), length, dtype=torch.long)
    labels = torch.full((len(rows), length), IGNORED_LABEL)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for row, (ids, label, _) in enumerate(rows):
        input_ids[row, : len(ids)], labels[row, : len(ids)], mask[row, : len(ids)] = ids, label, True
    return input_ids, mask, labels
