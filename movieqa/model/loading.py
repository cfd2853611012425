"""Open a model's folder: nothing missing, nothing left over, on the best attention that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import torch
import transformers
from safetensors import SafetensorError
from transformers import BitsAndBytesConfig

from movieqa.errors import CheckpointError, ConfigError, MissingDependencyError
from movieqa.model.adapter import merge_adapter
from movieqa.model.config import MovieConfig
from movieqa.model.modeling import MovieModel
from movieqa.model.shortage import explain_memory

Attention = Literal["auto", "sdpa", "flash_attention_2", "eager"]
Quantisation = Literal["none", "8bit", "4bit"]
UNQUANTISED = ["vision_tower", "text_decoder", "image_norm", "context_attention", "content_projector", "lm_head"]
"""Parts that keep their 16 bits; the vision tower and the attention are small, and every answer depends on them."""


def load_model(
    name_or_path: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    attention: Attention = "auto",
    quantisation: Quantisation = "none",
    **further: Any,
) -> MovieModel:
    """Load a model for answering, an adapter in its folder merged into its weights.

    Args:
        name_or_path: A folder made by `movieqa convert` or `save_pretrained`, or a hub name.
        device: Where it runs.
        dtype: Type of its numbers; as stored by default.
        attention: Of the language model; `auto` takes FlashAttention-2 where it can run, else SDPA.
        quantisation: Bits of the language model's weights, through bitsandbytes.
        **further: Further options of `from_pretrained`: `revision`, `token`, `device_map` (over several devices), ...

    Raises:
        CheckpointError: If the folder is not a complete model, or a weight is not finite.
        MissingDependencyError: If quantisation or an attention is asked for that is not installed.
        ConfigError: If an option is not offered, or memory is not enough.

    Example:
        >>> model = load_model("llama-vid-7b-film", device="cuda", quantisation="4bit")  # doctest: +SKIP
    """
    options: dict[str, Any] = {
        "dtype": dtype if dtype is not None else "auto",
        "attn_implementation": choose_attention(attention, device, dtype),
    }
    if quantisation != "none":
        quantiser = quantisation_config(quantisation, dtype or torch.float16)
        options |= {"quantization_config": quantiser, "device_map": {"": str(device)}}
    options |= further
    with explain_memory("the model"):
        model = _load(name_or_path, **options)
        if "device_map" not in options:
            model.to(device)  # type: ignore[arg-type]
        merge_adapter(model, Path(name_or_path))
    check_finite(model, str(name_or_path))
    model.train(False)
    return model


def choose_attention(
    attention: Attention, device: str | torch.device, dtype: torch.dtype | None = None
) -> dict[str, str]:
    """Return the attention of each part: the language model's as chosen, SDPA for the two encoders.

    FlashAttention-2 runs on GPUs, in 16 bits; `dtype` is None where numbers keep the type they are stored in.

    Raises:
        MissingDependencyError: If FlashAttention-2 is asked for and not installed.
        ConfigError: If it is not offered.
    """
    has_flash = find_spec("flash_attn") is not None
    if attention not in ("auto", "sdpa", "flash_attention_2", "eager"):
        raise ConfigError(f"attention {attention!r} is not one of auto, sdpa, flash_attention_2, eager")
    if attention == "flash_attention_2" and not has_flash:
        raise MissingDependencyError("FlashAttention-2 is not installed", hint="pip install flash-attn, or use sdpa")
    can_flash = has_flash and torch.device(device).type == "cuda" and dtype != torch.float32
    chosen = ("flash_attention_2" if can_flash else "sdpa") if attention == "auto" else attention
    others = "eager" if attention == "eager" else "sdpa"
    return {"": others, "text_config": chosen, "vision_config": others, "qformer_config": others}


def quantisation_config(quantisation: Quantisation, dtype: torch.dtype = torch.float16) -> BitsAndBytesConfig:
    """Return transformers' quantiser: 8 bits, or 4-bit NormalFloat with doubly quantised scales, multiplied in `dtype`.

    Raises:
        MissingDependencyError: If bitsandbytes is not installed.
        ConfigError: If it is not offered.
    """
    if quantisation not in ("8bit", "4bit"):
        raise ConfigError(f"quantisation {quantisation!r} is not one of none, 8bit, 4bit")
    if find_spec("bitsandbytes") is None:
        raise MissingDependencyError("4-bit and 8-bit weights need bitsandbytes", hint="pip install bitsandbytes")
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_8bit=quantisation == "8bit",
        load_in_4bit=quantisation == "4bit",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=UNQUANTISED,
    )


def check_finite(model: MovieModel, where: str) -> None:
    """Raise `CheckpointError` naming the weights that hold NaN or infinity."""
    broken = [
        name
        for name, parameter in model.named_parameters()
        if parameter.is_floating_point() and not bool(torch.isfinite(parameter).all())
    ]
    if broken:
        raise CheckpointError(f"{where}: weights are not finite: {', '.join(broken)}", hint="convert or train it again")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' table of wrong tensors off the terminal: an error names each of them in one line."""
    before = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(before)


def _load(name_or_path: str | Path, **options: Any) -> MovieModel:
    """Load strictly: transformers would fill missing weights with random numbers and only warn."""
    folder = Path(name_or_path)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} holds no model: it has no config.json", hint="make one with `movieqa convert`")
    try:
        config, _ = MovieConfig.get_config_dict(name_or_path)
        if config.get("model_type") != MovieConfig.model_type:
            raise CheckpointError(
                f"{name_or_path} is a model of type {config.get('model_type')!r}, not a movieqa model",
                hint="convert a LLaMA-VID release with `movieqa convert`",
            )
        open_model = cast(Any, MovieModel.from_pretrained)  # typed as if it never said what was missing
        options |= {"output_loading_info": True, "use_safetensors": True, "ignore_mismatched_sizes": True}
        with _quiet():
            model, info = open_model(name_or_path, **options)
    except (OSError, ValueError, SafetensorError, RuntimeError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(
            f"{name_or_path} cannot be loaded ({reason})", hint="download or convert it again"
        ) from error
    misshapen = [
        f"{name} is {list(stored)} instead of {list(built)}" for name, stored, built in info["mismatched_keys"]
    ]
    problems = [
        f"{len(names)} {word} ({', '.join(sorted(names))})"
        for names, word in (
            (info["missing_keys"], "missing"),
            (info["unexpected_keys"], "surplus"),
            (misshapen, "misshapen"),
        )
        if names
    ]
    if problems:
        raise CheckpointError(f"{name_or_path}: its tensors are not those of the model: {'; '.join(problems)}")
    return cast(MovieModel, model)
