"""Published parts become a complete, offline movieqa folder, every tensor accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, PreTrainedTokenizerBase

from movieqa.checkpoint.describe import Architecture, check_is_llama_vid, describe, read_json
from movieqa.checkpoint.folders import new_folder
from movieqa.checkpoint.lavis import open_text_decoder, open_vision_tower
from movieqa.checkpoint.names import TEXT_DECODER, VISION, plan_conversion
from movieqa.checkpoint.weights import STAGE_1_FILE, StoredTensor, Weights, first_line, open_file, open_folder
from movieqa.checkpoint.write import ConversionReport, dtype_of, write_weights
from movieqa.errors import CheckpointError, MissingDependencyError
from movieqa.model.config import MovieConfig, Pooling, Projector
from movieqa.model.modeling import MovieModel
from movieqa.model.processor import MovieProcessor

GUIDANCE_TOKENIZER = "bert-base-uncased"


def convert_checkpoint(
    source: str | Path,
    target: str | Path,
    *,
    vision_tower: str | Path | None = None,
    text_decoder: str | Path | None = None,
    language_model: str | Path | None = None,
    guidance_tokenizer: str | Path = GUIDANCE_TOKENIZER,
    architecture: Architecture | None = None,
    report: str | Path | None = None,
) -> ConversionReport:
    """Convert a LLaMA-VID release to a movieqa folder: safetensors, both tokenizers, configuration.

    Nothing is executed that a file holds, nothing is guessed from a name, and no number is changed. A finished release
    is complete but for the text decoder's tokenizer. A stage-1 release (`mm_projector.bin`) also needs the vision
    tower and the language model it was trained with.

    Args:
        source: Folder of the release.
        target: New folder; must not exist yet.
        vision_tower: LAVIS `eva_vit_g.pth`, for a release without its vision tower.
        text_decoder: Trimmed InstructBLIP Q-Former, for a release without its text decoder.
        language_model: Folder of the language model (Vicuna), for a stage-1 release.
        guidance_tokenizer: Folder or hub name of the text decoder's tokenizer.
        architecture: Facts no file holds; those of the published models by default.
        report: JSON file to write the report to.

    Returns:
        What was converted, with a digest of each tensor and whether it reads back equal.

    Raises:
        CheckpointError: If a file is missing, damaged or would run code; if a tensor is missing, surplus, misshapen or
            not finite; or if the target exists.
        MissingDependencyError: If a package that reads the release's tokenizer is not installed.

    Example:
        >>> convert_checkpoint("llama-vid-7b-full-224-long-video", "llama-vid-7b-film")  # doctest: +SKIP
    """
    source, target = Path(source), Path(target)
    architecture = architecture or Architecture()
    if target.exists():
        raise CheckpointError(f"{target} exists already", hint="give a new folder")
    published = read_json(source / "config.json")
    check_is_llama_vid(published, source / "config.json")
    is_stage_1 = (source / STAGE_1_FILE).is_file()
    weights = open_file(source / STAGE_1_FILE) if is_stage_1 else open_folder(source)
    unused: tuple[str, ...] = ()
    if vision_tower is not None:
        added, left = open_vision_tower(Path(vision_tower), architecture)
        weights, unused = weights.merged(added), unused + left
    if text_decoder is not None:
        added, left = open_text_decoder(Path(text_decoder))
        weights, unused = weights.merged(added), unused + left
    if language_model is not None:
        weights = weights.merged(open_folder(Path(language_model)))
    elif is_stage_1:
        raise CheckpointError(
            f"{source} is a stage-1 release: it holds no language model and no vision tower",
            hint="give the language model's folder and eva_vit_g.pth too",
        )
    return _convert(
        weights,
        published,
        source / "config.json",
        target,
        kind="stage 1" if is_stage_1 else "finished",
        unused=unused,
        tokenizer=language_model if language_model is not None else source,
        guidance_tokenizer=guidance_tokenizer,
        architecture=architecture,
        report=report,
    )


def start_checkpoint(
    language_model: str | Path,
    target: str | Path,
    *,
    vision_tower: str | Path,
    text_decoder: str | Path,
    pooling: Pooling = "mean",
    grid_size: int = 2,
    projector: Projector = "mlp2x_gelu",
    seed: int = 0,
    guidance_tokenizer: str | Path = GUIDANCE_TOKENIZER,
    architecture: Architecture | None = None,
    report: str | Path | None = None,
) -> ConversionReport:
    """Put together the model that training starts from: published parts, and new projectors between them.

    Args:
        language_model: Folder of a Llama model such as Vicuna.
        target: New folder; must not exist yet.
        vision_tower: LAVIS `eva_vit_g.pth`.
        text_decoder: Trimmed InstructBLIP Q-Former.
        pooling: How patches become content tokens.
        grid_size: Cells along one side, for `pooling="grid"`.
        projector: Layer that brings content tokens to the language model's width.
        seed: Of the new projectors, which get torch's usual random start.
        guidance_tokenizer: Folder or hub name of the text decoder's tokenizer.
        architecture: Facts no file holds; those of the published models by default.
        report: JSON file to write the report to.

    Returns:
        What was put together; its kind is `start`.

    Raises:
        CheckpointError: As `convert_checkpoint` does.
    """
    folder, target = Path(language_model), Path(target)
    architecture = architecture or Architecture()
    if target.exists():
        raise CheckpointError(f"{target} exists already", hint="give a new folder")
    vision, unused_vision = open_vision_tower(Path(vision_tower), architecture)
    decoder, unused_decoder = open_text_decoder(Path(text_decoder))
    weights = open_folder(folder).merged(vision).merged(decoder)
    published = {
        **read_json(folder / "config.json"),
        "mm_projector_type": projector,
        "compress_type": {"mean": "mean", "grid": f"grid:{grid_size}", "none": None}[pooling],
        "tune_mm_mlp_adapter": True,
    }
    weights = weights.merged(_new_projectors(weights, published, folder, seed=seed))
    return _convert(
        weights,
        published,
        folder / "config.json",
        target,
        kind="start",
        unused=unused_vision + unused_decoder,
        tokenizer=folder,
        guidance_tokenizer=guidance_tokenizer,
        architecture=architecture,
        report=report,
    )


def _new_projectors(weights: Weights, published: Mapping[str, Any], folder: Path, *, seed: int) -> Weights:
    """Make the layers between the parts, under published names, in the language model's type."""
    needed = (f"{VISION}cls_token", f"{TEXT_DECODER}embeddings.word_embeddings.weight", "model.embed_tokens.weight")
    if absent := [name for name in needed if name not in weights]:
        raise CheckpointError(f"{folder}: no tensor {absent[0]}", hint="give the folder of a Llama model")
    vision_width, text_width, width = (weights[name].shape[-1] for name in needed)
    sizes = {
        "model.vlm_att_projector": (text_width, vision_width),
        "model.vlm_att_key_projector": (vision_width, vision_width),
        "model.vlm_att_val_projector": (vision_width, width),
    }
    if published["mm_projector_type"] == "linear":
        sizes["model.mm_projector"] = (vision_width, width)
    else:
        sizes |= {"model.mm_projector.0": (vision_width, width), "model.mm_projector.2": (width, width)}
    stored = weights["model.embed_tokens.weight"]
    tensors = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, (wide_in, wide_out) in sizes.items():
            for part, tensor in nn.Linear(wide_in, wide_out).to(stored.torch_dtype).state_dict().items():
                tensors[f"{name}.{part}"] = StoredTensor(
                    file=folder,
                    shape=tuple(tensor.shape),
                    dtype=stored.dtype,
                    read=lambda tensor=tensor: tensor,  # type: ignore[misc]
                )
    return Weights(tensors)


def _convert(
    weights: Weights,
    published: Mapping[str, Any],
    path: Path,
    target: Path,
    *,
    kind: str,
    unused: tuple[str, ...],
    tokenizer: str | Path,
    guidance_tokenizer: str | Path,
    architecture: Architecture,
    report: str | Path | None,
) -> ConversionReport:
    """Check everything, then write everything."""
    config = describe(published, path, weights.shapes, architecture)
    plan = plan_conversion(weights.shapes, _shapes_of_model(config), where=str(path.parent))
    language_tokenizer = _load_tokenizer(tokenizer)
    guidance = _load_guidance(guidance_tokenizer, config)
    with new_folder(target) as folder:
        records = write_weights(folder, plan, weights)
        config.dtype = dtype_of(plan, weights)
        config.architectures = [MovieModel.__name__]
        MovieProcessor(config, language_tokenizer, guidance).save_pretrained(folder)
        GenerationConfig.from_model_config(config).save_pretrained(folder)
    result = ConversionReport(
        source=path.parent.name,
        target=target.name,
        kind=kind,
        num_parameters=sum(torch.Size(tensor.shape).numel() for tensor in plan.tensors),
        dropped=plan.dropped,
        unused=unused,
        tensors=records,
    )
    if report is not None:
        result.save(report)
    return result


def _shapes_of_model(config: MovieConfig) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of all tensors of a model without making them."""
    with torch.device("meta"):
        model = MovieModel(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """Load the language model's tokenizer.

    Old releases call themselves `llava`, for which transformers would build another tokenizer from the same files; the
    language model is a Llama in all of them.
    """
    is_sentencepiece = (Path(folder) / "tokenizer.model").is_file() and not (Path(folder) / "tokenizer.json").is_file()
    for module, package in (("sentencepiece", "sentencepiece"), ("google.protobuf", "protobuf")):
        if is_sentencepiece and not _is_installed(module):
            raise MissingDependencyError(f"{folder}/tokenizer.model needs {package}", hint=f"pip install {package}")
    try:
        return AutoTokenizer.from_pretrained(folder, config=LlamaConfig())
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder} holds no tokenizer that can be read ({first_line(error)})") from error


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not there
        return False


def _load_guidance(name_or_path: str | Path, config: MovieConfig) -> PreTrainedTokenizerBase:
    """Load the text decoder's tokenizer and add the one token that its vocabulary has more than BERT's."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(name_or_path)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"the text decoder's tokenizer {name_or_path} cannot be read ({first_line(error)})",
            hint=f"releases do not hold it: give a folder with the vocab.txt of {GUIDANCE_TOKENIZER}",
        ) from error
    tokenizer.add_special_tokens({"bos_token": "[DEC]"})
    if len(tokenizer) != config.qformer.vocab_size:
        raise CheckpointError(
            f"the tokenizer {name_or_path} has {len(tokenizer)} tokens, the text decoder {config.qformer.vocab_size}",
            hint=f"give the tokenizer of {GUIDANCE_TOKENIZER}",
        )
    return tokenizer
