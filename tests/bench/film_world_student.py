"""A model small enough to learn film world in minutes on two cores, with tokenizers made of the films' own texts.

What the recipes take from others, a language model that reads and a vision tower that sees, is made here in plain loops
from the training films' texts and captions, apart from each other; to bring the two together is left to the stages.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from transformers import BertTokenizer, LlamaConfig, PreTrainedTokenizerFast, get_scheduler
from transformers.models.instructblip.configuration_instructblip import (
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
)

from movieqa.model import MovieConfig, MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.model.tokens import pool_patches, splice
from movieqa.prompt import DEFAULT_TEMPLATE, FRAME_SLOT, IGNORED_LABEL, Turn, find_template
from movieqa.train.data.templates import processor_for

from .film_world_tower import Sight, teach_tower

PICTURE = 72
"""Side of a frame in pixels."""
_MOST_PIECES, _MOST_WORDS = 2000, 400
_WEIGHT_OF_TEMPLATE = 500
_WORDS_LR, _WORDS_AT_ONCE = 3e-3, 24
_WORD_SIZE = 0.15
"""Twice the root mean square of a word's numbers once the language model is trained."""
_FAINT = 0.1
"""Directions in which pictures differ less than by this share of the most are not raised to the others."""
_NOISE, _LEAST = 0.3, 1e-6
"""Of a heap's numbers beside the words', and the square that an empty heap is divided by."""
_FITTED = 400
"""Pictures that the projectors' first weights are fitted to."""
_SPECIAL = ("<unk>", "<s>", "</s>")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the language model learns to write about a picture that is told to it in words.

    Attributes:
        shown: The words, in the place of the picture.
        turns: A caption or a dialogue, with one `<image>`.
        template: Its chat template.
    """

    shown: Sequence[str]
    turns: Sequence[Turn]
    template: str


@dataclass(frozen=True, kw_only=True)
class StudentLosses:
    """How well the parts of the model can do what they are taught before the stages; means over the last updates.

    Attributes:
        words: Of the language model, for each token.
        sights: Of the vision tower, for each picture.
    """

    words: float
    sights: float


def save_student(
    folder: Path,
    texts: Sequence[str],
    readings: Sequence[Reading],
    sights: Sequence[Sight],
    *,
    word_steps: int,
    sight_steps: int,
    seed: int,
) -> StudentLosses:
    """Save the model as it begins: random, but for a language model that can read and a vision tower that can see.

    Args:
        folder: New folder.
        texts: What the tokenizers are made of; training texts only.
        readings: What the language model learns.
        sights: What the vision tower learns; training pictures only.
        word_steps: Updates of the language model.
        sight_steps: Updates of the vision tower.
        seed: Of the weights and of every order.
    """
    frames = [render_frame() for _ in range(_WEIGHT_OF_TEMPLATE)]
    tokenizer, guidance = _piece_tokenizer([*texts, *frames]), _word_tokenizer(texts)
    config = _student_config(len(tokenizer), len(guidance))
    processor = MovieProcessor(config, tokenizer, guidance)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MovieModel(config)
        pixels = processor.preprocess([Image.open(sight.picture).convert("RGB") for sight in sights])
        captions = [sight.caption for sight in sights]
        seen = teach_tower(model.vision_tower, pixels, captions, steps=sight_steps, seed=seed)
        _fit_projectors(model, pixels[:: max(1, len(pixels) // _FITTED)])
    read = _teach(model, processor, readings, steps=word_steps, seed=seed)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return StudentLosses(words=read, sights=seen)


@torch.no_grad()
def _fit_projectors(model: MovieModel, pixels: Float[Tensor, "T 3 H W"]) -> None:
    """Let frame tokens begin about as large as words, and as far from each other as pictures differ.

    As transformers makes the projectors, pictures hardly count, and what all have in common hides what tells them
    apart. First weights that are fitted to data are those of arXiv 1511.06856, here with the directions of the data.
    """
    first, _, last = model.content_projector
    patches = model.encode_frames(pixels)[:, 1:]
    cells = pool_patches(patches, model.config.pooling, model.config.grid_size)
    _whiten(first, cells.flatten(0, 1), size=1.0)
    nn.init.normal_(last.weight, std=_WORD_SIZE * last.in_features**-0.5)
    _whiten(model.context_attention.value_projector, patches.mean(dim=1), size=_WORD_SIZE)


def _whiten(layer: nn.Linear, inputs: Float[Tensor, "N C"], *, size: float) -> None:
    """Give a layer random weights that see the inputs' directions about alike, and outputs of a size around zero."""
    mean = inputs.mean(dim=0)
    _, spreads, directions = torch.linalg.svd(inputs - mean, full_matrices=False)
    gains = 1 / (spreads + _FAINT * spreads[0])
    seen = (spreads * gains).square().sum().sqrt()  # what random weights would make of them all
    scale = size * len(inputs) ** 0.5 / seen
    layer.weight.copy_(torch.randn(layer.out_features, len(gains)) * gains @ directions * scale)
    layer.bias.copy_(-layer.weight @ mean)


def render_frame() -> str:
    """Return the chat template around nothing: without it in the tokenizer's texts it would be spelled out."""
    return find_template(DEFAULT_TEMPLATE).render([Turn(role="user", text=""), Turn(role="assistant", text="")]).text


def _teach(
    model: MovieModel, processor: MovieProcessor, readings: Sequence[Reading], *, steps: int, seed: int
) -> float:
    """Train the language model on texts whose picture is a heap of words."""
    rows: dict[str, list[_Row]] = {}  # captions are far shorter than dialogues
    for one in readings:
        rows.setdefault(one.template, []).append(_encode(one, model.config, processor))
    kinds = list(rows.values())
    language = model.language_model
    decoder, head, table = language.get_decoder(), language.get_output_embeddings(), language.get_input_embeddings()
    dice = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(language.parameters(), lr=_WORDS_LR, weight_decay=0.01)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=20, num_training_steps=steps)
    losses = []
    language.train()
    for step in range(steps):
        kind = kinds[step % len(kinds)]
        chosen = [kind[index] for index in dice.integers(len(kind), size=_WORDS_AT_ONCE)]
        length = max(len(row.ids) for row in chosen)
        ids = torch.stack([nn.functional.pad(row.ids, (0, length - len(row.ids))) for row in chosen])
        labels = [nn.functional.pad(row.labels, (0, length - len(row.labels)), value=IGNORED_LABEL) for row in chosen]
        targets = torch.stack(labels)[:, 1:]
        heaps = [[_heap(table.weight, row.shown, model.config.num_tokens_per_frame, dice)] for row in chosen]
        words = splice(table(ids.masked_fill(ids == FRAME_SLOT, 0)), ids, heaps)
        states = decoder(inputs_embeds=words, use_cache=False).last_hidden_state[:, :-1]
        is_learned = targets != IGNORED_LABEL
        loss = nn.functional.cross_entropy(head(states[is_learned]), targets[is_learned])
        loss.backward()
        nn.utils.clip_grad_norm_(language.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    language.eval()
    return float(np.mean(losses[-max(1, steps // 10) :]))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Row:
    """A reading as ids; `shown` holds those of each word."""

    ids: Int[Tensor, " L"]
    labels: Int[Tensor, " L"]
    shown: Sequence[Sequence[int]]


def _encode(reading: Reading, config: MovieConfig, processor: MovieProcessor) -> _Row:
    encoded = processor_for(processor, config, reading.template).encode(
        reading.turns, num_slots=[config.num_tokens_per_frame]
    )
    shown = [processor.tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for word in reading.shown]
    return _Row(ids=torch.from_numpy(encoded.input_ids), labels=torch.from_numpy(encoded.labels), shown=shown)


def _heap(
    table: Float[Tensor, "V D"], words: Sequence[Sequence[int]], num_tokens: int, dice: np.random.Generator
) -> Float[Tensor, "N D"]:
    """Return tokens in which words lie on each other, some in one, some in another, none of them clean.

    So frame tokens are: a cell of a picture shows several things, or half of one.
    """
    ids = [piece for word in words for piece in word]
    owners = [index for index, word in enumerate(words) for _ in word]
    shares = dice.exponential(size=(num_tokens, len(words))) * (dice.random((num_tokens, len(words))) < 0.5)
    heaps = torch.from_numpy(shares[:, owners]).float() @ table[ids]
    heaps = heaps * (heaps.square().mean(dim=1, keepdim=True) + _LEAST).rsqrt()
    noise = torch.from_numpy(dice.standard_normal(heaps.shape)).float()
    return (heaps + _NOISE * noise) * _WORD_SIZE


def _student_config(num_pieces: int, num_words: int) -> MovieConfig:
    return MovieConfig(
        vision_config=InstructBlipVisionConfig(
            hidden_size=192,
            intermediate_size=384,
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
        grid_size=3,
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
