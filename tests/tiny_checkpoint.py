"""Tiny random but complete checkpoints: in our layout, and in the layouts that LLaMA-VID was published in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor
from transformers import BertTokenizer, PreTrainedTokenizerFast

from movieqa.model import MovieConfig, MovieModel
from movieqa.model.config import tiny
from movieqa.model.processor import MovieProcessor

Layout = Literal["shards", "single", "safetensors", "safetensors_shards"]


def save_language_model_part(source: Path, target: Path) -> None:
    """Copy only the language model of a published checkpoint, as the folder that stage 1 starts from."""
    target.mkdir(parents=True)
    tensors: dict[str, Tensor] = {}
    for shard in sorted(source.glob("pytorch_model-*.bin")):
        tensors |= torch.load(shard, weights_only=True)
    parts = ("model.embed_tokens.", "model.layers.", "model.norm.", "lm_head.")
    torch.save(
        {name: tensor for name, tensor in tensors.items() if name.startswith(parts)}, target / "pytorch_model.bin"
    )
    for name in ("config.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"):
        shutil.copy(source / name, target / name)


def save_trimmed_text_decoder(stage_1: Path, target: Path) -> Path:
    """Write the text decoder of a published stage-1 folder as LAVIS names it."""
    prefix = "model.vlm_att_encoder.bert."
    lavis = {
        name.replace(prefix, "Qformer.bert.")
        .replace("model.vlm_att_ln", "ln_vision")
        .replace("model.vlm_att_query", "query_tokens"): tensor
        for name, tensor in torch.load(stage_1 / "mm_projector.bin", weights_only=True).items()
        if name.startswith((prefix, "model.vlm_att_ln", "model.vlm_att_query"))
    }
    torch.save({"model": lavis}, target)
    return target


def save_tiny_model(folder: Path, config: MovieConfig | None = None, *, seed: int = 0) -> Path:
    """Save a random model with its tokenizers in our layout; it answers nonsense, deterministically."""
    model = make_tiny_model(config, seed=seed)
    model.save_pretrained(folder)
    tiny_processor(model.config).save_pretrained(folder)
    return folder


def make_tiny_model(config: MovieConfig | None = None, *, seed: int = 0) -> MovieModel:
    """Return a random model, ready to answer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MovieModel(config or tiny()).eval()


def tiny_processor(config: MovieConfig | None = None) -> MovieProcessor:
    """Return a processor whose tokenizers know every byte and every English letter."""
    return MovieProcessor(config or tiny(), byte_tokenizer(), letter_tokenizer())


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer of single bytes with Llama's three special tokens."""
    names = ["<unk>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({name: index for index, name in enumerate(names)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>"
    )


def letter_tokenizer() -> BertTokenizer:
    """Make a WordPiece tokenizer that spells words letter by letter, with `[DEC]` as LLaMA-VID adds it."""
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{character}" for character in characters)]
    return BertTokenizer(vocab={name: index for index, name in enumerate(names)}, bos_token="[DEC]")


def save_published(folder: Path, layout: Layout = "shards", *, seed: int = 0) -> MovieModel:
    """Save a random model in the layout of a finished LLaMA-VID release.

    Args:
        folder: New folder.
        layout: Shards with an index, one file, or the same as safetensors.
        seed: Of the weights.

    Returns:
        The model, in our layout, for comparison.
    """
    from safetensors.torch import save_file

    model = make_tiny_model(seed=seed)
    for name, tensor in model.state_dict().items():
        if name.endswith("self_attn.qkv.bias"):  # published towers learn no key bias
            tensor[len(tensor) // 3 : 2 * len(tensor) // 3] = 0
    tensors = published_tensors(model)
    folder.mkdir(parents=True)
    names = sorted(tensors)
    halves = [names] if layout in ("single", "safetensors") else [names[::2], names[1::2]]
    suffix, stem = ("safetensors", "model") if layout.startswith("safetensors") else ("bin", "pytorch_model")
    file_of_name = {}
    for index, half in enumerate(halves):
        file = f"{stem}.{suffix}" if len(halves) == 1 else f"{stem}-{index + 1:05d}-of-{len(halves):05d}.{suffix}"
        part = {name: tensors[name].contiguous().clone() for name in half}
        save_file(part, folder / file) if suffix == "safetensors" else torch.save(part, folder / file)
        file_of_name |= dict.fromkeys(half, file)
    if len(halves) > 1:
        index_file = folder / f"{stem}.{suffix}.index.json"
        index_file.write_text(json.dumps({"metadata": {}, "weight_map": file_of_name}), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(published_config(model.config)), encoding="utf-8")
    byte_tokenizer().save_pretrained(folder)
    letter_tokenizer().save_pretrained(folder / "bert")
    return model


def published_tensors(model: MovieModel) -> dict[str, Tensor]:
    """Return a model's tensors under their published names, buffers included."""
    renames = (
        ("query_tokens", "model.vlm_att_query"),
        ("image_norm.", "model.vlm_att_ln."),
        ("context_attention.query_projector.", "model.vlm_att_projector."),
        ("context_attention.key_projector.", "model.vlm_att_key_projector."),
        ("context_attention.value_projector.", "model.vlm_att_val_projector."),
        ("content_projector.", "model.mm_projector."),
        ("language_model.", ""),
        ("text_decoder.embeddings.layernorm.", "model.vlm_att_encoder.bert.embeddings.LayerNorm."),
        ("text_decoder.", "model.vlm_att_encoder.bert."),
        ("vision_tower.embeddings.class_embedding", "model.vision_tower.vision_tower.cls_token"),
        ("vision_tower.embeddings.position_embedding", "model.vision_tower.vision_tower.pos_embed"),
        ("vision_tower.embeddings.patch_embedding.", "model.vision_tower.vision_tower.patch_embed.proj."),
        ("vision_tower.encoder.layers.", "model.vision_tower.vision_tower.blocks."),
    )
    tensors = {}
    for ours, tensor in model.state_dict().items():
        old, new = next(pair for pair in renames if ours.startswith(pair[0]))
        name = new + ours.removeprefix(old)
        if ours.startswith("text_decoder."):
            name = name.replace("attention.attention.", "attention.self.")
        if ours.startswith("vision_tower."):
            name = name.replace(".self_attn.projection.", ".attn.proj.").replace(".self_attn.", ".attn.")
            name = name.replace(".layer_norm", ".norm")
        if name.endswith("attn.qkv.bias"):
            query, _, value = tensor.chunk(3)
            tensors[name.replace("qkv.bias", "q_bias")] = query
            tensors[name.replace("qkv.bias", "v_bias")] = value
        else:
            tensors[name] = tensor
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    tensors["model.vlm_att_encoder.bert.embeddings.position_ids"] = torch.arange(260)[None]
    return tensors


def published_config(config: MovieConfig) -> dict[str, object]:
    """Return the config.json of a finished release."""
    language = config.language
    return {
        "architectures": ["LlavaLlamaAttForCausalLM"],
        "model_type": "llava",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "hidden_act": "silu",
        "hidden_size": language.hidden_size,
        "intermediate_size": language.intermediate_size,
        "num_hidden_layers": language.num_hidden_layers,
        "num_attention_heads": language.num_attention_heads,
        "num_key_value_heads": language.num_key_value_heads,
        "max_position_embeddings": language.max_position_embeddings,
        "rms_norm_eps": language.rms_norm_eps,
        "rope_scaling": {"type": "linear", "factor": 16.0},
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "vocab_size": language.vocab_size,
        "mm_vision_tower": "./model_zoo/LAVIS/eva_vit_g.pth",
        "image_processor": "./llamavid/processor/clip-patch14-224",
        "mm_projector_type": config.projector,
        "mm_hidden_size": config.vision.hidden_size,
        "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch",
        "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False,
        "max_token": 32768,
        "image_aspect_ratio": "pad",
        "image_grid_pinpoints": None,
        "tune_mm_mlp_adapter": False,
        "freeze_mm_mlp_adapter": False,
        "use_mm_proj": True,
        "bert_type": "qformer_pretrain_freeze_all",
        "num_query": config.num_query_tokens,
        "compress_type": "mean",
    }
