"""The tokens of person slots in a model's vocabulary, and the splice of tokens made of pictures of people."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int
from tokenizers import AddedToken
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from movieqa.errors import ConfigError
from movieqa.model.modeling import MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.person_slots import IDENTITY_SLOT, SLOT_TEXTS


def has_person_slots(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer has a token of its own for every person slot."""
    known = tokenizer.get_vocab()
    return all(text in known for text in SLOT_TEXTS)


def add_person_slots(model: MovieModel, processor: MovieProcessor) -> None:
    """Give a model the tokens of person slots, for a training; their rows start as the mean of all words' rows.

    Args:
        model: Its language model's embeddings and output grow by 64 rows where they lack room.
        processor: Its tokenizer grows by 64 tokens, which are no special tokens: an answer shows them.

    Raises:
        ConfigError: The tokens are there already.

    Example:
        >>> add_person_slots(model, processor)  # doctest: +SKIP
        >>> model.save_pretrained("with-slots"), processor.save_pretrained("with-slots")  # doctest: +SKIP
    """
    num_words = len(processor.tokenizer)
    add_slot_tokens(processor)
    tokenizer = processor.tokenizer
    means = [weight[:num_words].float().mean(dim=0) for weight in _word_rows(model)]
    if len(tokenizer) > len(_word_rows(model)[0]):
        model.language_model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        model.config.language.vocab_size = len(tokenizer)  # it may be another than the processor's
    slots = torch.tensor(slot_ids(tokenizer))
    for rows, mean in zip(_word_rows(model), means, strict=True):
        rows[slots.to(rows.device)] = mean.to(rows)


def add_slot_tokens(processor: MovieProcessor) -> None:
    """Give a processor the tokens of person slots; its model's rows for them are `add_person_slots`' work.

    Raises:
        ConfigError: The tokens are there already.
    """
    tokenizer, language = processor.tokenizer, processor.config.language
    if has_person_slots(tokenizer):
        raise ConfigError("the model has person slots already")
    # as they are written: Llama's normaliser puts a space before every text, and would look for slots with one
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in SLOT_TEXTS])
    language.vocab_size = max(language.vocab_size, len(tokenizer))


def slot_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the ids of all person slots, in order."""
    known = tokenizer.get_vocab()
    return [known[text] for text in SLOT_TEXTS]


def _word_rows(model: MovieModel) -> list[Float[Tensor, "V D"]]:
    """Return the rows of all words in the language model's embeddings and output layer."""
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    return [cast(Tensor, layer.weight).detach() for layer in layers]


def splice_identities(
    embeddings: Float[Tensor, "B L D"], input_ids: Int[Tensor, "B L"], tokens: Float[Tensor, "K S D"]
) -> Float[Tensor, "B L D"]:
    """Write the tokens made of pictures of people over their slots, person by person.

    Args:
        embeddings: Of prompts; rows under an `IDENTITY_SLOT` are overwritten.
        input_ids: The prompts' ids.
        tokens: S tokens of each of the K people that the prompts introduce, in their order.

    Raises:
        ConfigError: If the prompt has more or fewer slots than there are tokens.
    """
    is_slot = input_ids == IDENTITY_SLOT
    rows = tokens.flatten(0, 1)
    if int(is_slot.sum()) != len(rows):
        raise ConfigError(
            f"a prompt has {int(is_slot.sum())} identity slots for {len(rows)} tokens of people",
            hint="write the prompt with as many tokens for each person as the model has",
        )
    return embeddings.masked_scatter(is_slot[..., None], rows.to(embeddings)) if len(rows) else embeddings
