"""A model small enough to learn film world in minutes on two cores, with tokenizers made of the films' own texts.

Its vision tower is random and stays so: its one block leaves each patch of 8 x 8 pixels nearly as the patch embedding
projects it, and with 192 channels for 192 numbers next to nothing is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import BertTokenizer, LlamaConfig, PreTrainedTokenizerFast, get_scheduler
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.model import MovieConfig, MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.prompt import DEFAULT_TEMPLATE, IGNORED_LABEL, Turn, find_template

PICTURE = 64
"""Side of a frame in pixels."""
_MOST_PIECES, _MOST_WORDS = 2000, 400
_WEIGHT_OF_TEMPLATE = 500
_WORDS_LR, _WORDS_AT_ONCE = 3e-3, 48
_WORD_SIZE = 0.15
"""Twice the root mean square of a word's numbers once the language model is trained."""
_SPECIAL = ("<unk>", "<s>", "</s>")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text that the language model learns to write.

    Attributes:
        given: What stands before it and is only read.
        told: What is learned, up to the end of the line.
    """

    given: str
    told: str


def save_student(folder: Path, texts: Sequence[str], readings: Sequence[Reading], *, steps: int, seed: int) -> float:
    """Save the model as it begins: everything random, but for a language model that can read and write.

    Args:
        folder: New folder.
        texts: What the tokenizers are made of; training texts only.
        readings: What the language model learns.
        steps: Updates of it.
        seed: Of the weights and of the order of the readings.

    Returns:
        The language model's loss at the end, a mean over the last tenth of its steps.
    """
    frames = [render_frame() for _ in range(_WEIGHT_OF_TEMPLATE)]
    tokenizer, guidance = _piece_tokenizer([*texts, *frames]), _word_tokenizer(texts)
    config = _student_config(len(tokenizer), len(guidance))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MovieModel(config)
        _widen(model)
    loss = _teach(model.language_model, tokenizer, readings, steps=steps, seed=seed)
    model.save_pretrained(folder)
    MovieProcessor(config, tokenizer, guidance).save_pretrained(folder)
    return loss


@torch.no_grad()
def _widen(model: MovieModel) -> None:
    """Let frame tokens begin about as large as words: as transformers makes the projectors, pictures hardly count."""
    first, _, last = model.content_projector
    for layer, size in ((first, 1.0), (last, _WORD_SIZE), (model.context_attention.value_projector, _WORD_SIZE)):
        nn.init.normal_(layer.weight, std=size * layer.in_features**-0.5)


def render_frame() -> str:
    """Return the chat template around nothing: without it in the tokenizer's texts it would be spelled out."""
    return find_template(DEFAULT_TEMPLATE).render([Turn(role="user", text=""), Turn(role="assistant", text="")]).text


def _teach(
    model: nn.Module, tokenizer: PreTrainedTokenizerFast, readings: Sequence[Reading], *, steps: int, seed: int
) -> float:
    """Train a language model on short texts."""
    rows = []
    for one in readings:
        given = tokenizer(one.given)["input_ids"]
        told = tokenizer(one.told, add_special_tokens=False)["input_ids"]
        rows.append((given + told, [IGNORED_LABEL] * len(given) + told))
    dice = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_WORDS_LR, weight_decay=0.01)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=20, num_training_steps=steps)
    losses = []
    model.train()
    for _ in range(steps):
        chosen = [rows[index] for index in dice.integers(len(rows), size=_WORDS_AT_ONCE)]
        length = max(len(ids) for ids, _ in chosen)
        ids = torch.tensor([row + [0] * (length - len(row)) for row, _ in chosen])
        labels = torch.tensor([row + [IGNORED_LABEL] * (length - len(row)) for _, row in chosen])
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    return float(np.mean(losses[-max(1, steps // 10) :]))


def _student_config(num_pieces: int, num_words: int) -> MovieConfig:
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(
            hidden_size=192,
            intermediate_size=192,
            num_hidden_layers=1,
            num_attention_heads=4,
            image_size=PICTURE,
            patch_size=8,
            initializer_range=0.05,
        ),
        qformer_config=InstructBlipQFormerConfig(
            vocab_size=num_words,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ),
        text_config=LlamaConfig(
            vocab_size=num_pieces,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2048,
            pad_token_id=0,
            tie_word_embeddings=True,
        ),
        num_query_tokens=4,
        pooling="grid",
        grid_size=2,
        max_guidance_tokens=48,
        max_context=2048,
        pad_pictures=False,
    )


def _piece_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Make the language model's tokenizer: byte-level BPE, so that names of other films can be written too."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=_MOST_PIECES,
            special_tokens=list(_SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>"
    )


def _word_tokenizer(texts: Sequence[str]) -> BertTokenizer:
    """Make the text decoder's tokenizer: the commonest words whole, others letter by letter."""
    counts = Counter(word for text in texts for word in re.findall(r"[a-z]{2,}", text.lower()))
    words = [word for word, _ in counts.most_common(_MOST_WORDS)]
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    letters = [*characters, *(f"##{character}" for character in characters)]
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *words]
    return BertTokenizer(vocab={name: index for index, name in enumerate(names)}, bos_token="[DEC]")
