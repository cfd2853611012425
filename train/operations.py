"""How many operations a model needs, and how many a device can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from movieqa.model import MovieConfig, MovieModel

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "H800": 989.0, "A100": 312.0, "A800": 312.0, "L40S": 362.0, "4090": 165.0}
"""Dense bfloat16 operations a second, as their makers tell, in units of 10^12."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Operations that training a model needs, counted as usual: two for each weight that a token meets, three times.

    Recomputed activations are not counted, so the share of a device that is used is what the model needed.

    Attributes:
        per_token: Of the language model's weights.
        per_pair: For each pair of positions that attend to each other.
        per_frame: Of the text decoder and the projectors.
        per_picture: Of the vision tower, for frames that come as pixels.
    """

    per_token: float
    per_pair: float
    per_frame: float
    per_picture: float

    def of(self, lengths: Sequence[int], *, num_frames: int, num_pictures: int) -> float:
        """Return the operations of samples: their lengths in tokens, frames of all media, and those from pixels."""
        pairs = sum(length * length / 2 for length in lengths)
        tokens = self.per_token * sum(lengths) + self.per_pair * pairs
        return tokens + self.per_frame * num_frames + self.per_picture * num_pictures


def count_operations(model: MovieModel, *, guidance_length: int = 32) -> Operations:
    """Count what a model needs, from its weights and from which of them are trained.

    Args:
        model: The model, on any device; also on none (`meta`).
        guidance_length: Tokens of the guidance texts.
    """
    config: MovieConfig = model.config
    language = config.language
    used = sum(weight.numel() for weight in model.language_model.parameters())
    if not language.tie_word_embeddings:
        used -= model.language_model.get_input_embeddings().weight.numel()  # looked up, not multiplied
    trains_language = any(weight.requires_grad for weight in model.language_model.parameters())
    factor = 6.0 if trains_language else 4.0  # frozen weights still pass gradients on
    attention = 4.0 * language.num_hidden_layers * language.hidden_size * (factor / 2)
    decoder = sum(weight.numel() for weight in model.text_decoder.parameters())
    trains_decoder = any(weight.requires_grad for weight in model.text_decoder.parameters())
    rows = config.num_query_tokens + guidance_length
    tower = sum(weight.numel() for weight in model.vision_tower.parameters())
    return Operations(
        per_token=factor * used,
        per_pair=attention,
        per_frame=(6.0 if trains_decoder else 2.0) * decoder * rows,
        per_picture=2.0 * tower * (1 + config.num_patches),
    )


def peak_operations(device: torch.device, peak_tflops: float | None) -> float | None:
    """Return what a device can do in a second, as told or as known of it; None where it is neither."""
    if peak_tflops is not None:
        return peak_tflops * 1e12
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak * 1e12 for known, peak in PEAK_TFLOPS.items() if known in name), None)
