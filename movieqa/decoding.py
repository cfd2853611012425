"""Writing answers after a prefix: several at once, word by word, greedy or seeded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from movieqa.errors import ConfigError
from movieqa.prefix import AttentionRecord, Prefix, attends_to_prefix

ENDED = -1
"""Stands for the token of an answer that has ended."""
_HELD_BACK = 12  # characters of an unfinished word


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How words are chosen.

    Attributes:
        max_new_tokens: The longest answer.
        temperature: 0 always takes the likeliest word; above 0 words are drawn.
        top_p: Words are drawn from the likeliest ones that make up this share.
        seed: Of the drawing; every answer of a batch draws as it would alone.
    """

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: One cannot work.
        """
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens={self.max_new_tokens} must be at least 1")
        if not (0 <= self.temperature < float("inf") and 0 < self.top_p <= 1):
            raise ConfigError(
                f"temperature={self.temperature} must be 0 or more, top_p={self.top_p} above 0, at most 1"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Suffixes:
    """What follows the prefix, for each answer: the end of its prompt, padded on the left.

    Attributes:
        embeddings: Embedded words.
        mask: True at real positions.
    """

    embeddings: Float[Tensor, "B L D"]
    mask: Bool[Tensor, "B L"]


def embed_suffixes(language_model: PreTrainedModel, rows: list[list[int]]) -> Suffixes:
    """Embed the ends of prompts, side by side.

    Args:
        language_model: The language model.
        rows: Ids, at least one in every row.
    """
    length = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, length - len(row) :] = torch.tensor(row)
        mask[index, length - len(row) :] = True
    device = language_model.device
    return Suffixes(embeddings=language_model.get_input_embeddings()(ids.to(device)), mask=mask.to(device))


@torch.inference_mode()
def next_logits(
    language_model: PreTrainedModel,
    prefix: Prefix,
    suffixes: Suffixes,
    cache: DynamicCache,
    record: AttentionRecord | None = None,
) -> Float[Tensor, "B V"]:
    """Return the logits of the word after each suffix; the cache then holds what was read.

    Args:
        language_model: The language model.
        prefix: What comes before.
        suffixes: What is new, `mask` covering what the cache holds as well.
        cache: Keys and values of the answers' own words so far.
        record: Watches the attention.
    """
    new = suffixes.embeddings.shape[1]
    mask = suffixes.mask
    positions = (prefix.length + mask.long().cumsum(dim=-1) - 1)[:, -new:].clamp(min=prefix.length)
    steps = torch.arange(mask.shape[1], device=mask.device)
    # a padded position sees itself: a row that sees nothing of its own is no trouble, but it must not see the future
    is_past = steps[None, :] <= steps[-new:, None]
    visible = (mask[:, None, :] & is_past[None])[:, None]
    with attends_to_prefix(language_model):
        outputs = language_model(
            inputs_embeds=suffixes.embeddings,
            attention_mask=visible,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            prefix=prefix,
            record=record,
        )
    return outputs.logits[:, -1].float()  # type: ignore[no-any-return]


def write_answers(
    language_model: PreTrainedModel,
    prefix: Prefix,
    suffixes: Suffixes,
    settings: Decoding,
    *,
    end_ids: frozenset[int],
    record: AttentionRecord | None = None,
) -> Generator[Int[Tensor, " B"], None, None]:
    """Yield the next token of every answer until all have ended; `ENDED` for one that has.

    Args:
        language_model: The language model.
        prefix: What all answers have read.
        suffixes: The end of each prompt.
        settings: How words are chosen.
        end_ids: Tokens that end an answer; they are not yielded.
        record: Watches the attention.
    """
    cache = DynamicCache(config=language_model.config)
    device = suffixes.embeddings.device
    draws = [torch.Generator(device).manual_seed(settings.seed) for _ in suffixes.mask]
    ends = torch.tensor(sorted(end_ids), device=device)
    is_open = torch.ones(len(suffixes.mask), dtype=torch.bool, device=device)
    for _ in range(settings.max_new_tokens):
        if record is not None:
            record.active = is_open
        tokens = choose(next_logits(language_model, prefix, suffixes, cache, record), settings, draws)
        is_open = is_open & ~torch.isin(tokens, ends)
        if not bool(is_open.any()):
            return
        yield tokens.masked_fill(~is_open, ENDED)
        with torch.inference_mode():
            suffixes = Suffixes(
                embeddings=language_model.get_input_embeddings()(tokens[:, None]),
                mask=torch.cat([suffixes.mask, is_open[:, None]], dim=1),
            )


def choose(logits: Float[Tensor, "B V"], settings: Decoding, draws: list[torch.Generator]) -> Int[Tensor, " B"]:
    """Choose one word for every row."""
    if settings.temperature == 0:
        return logits.argmax(dim=-1)
    probabilities, order = (logits / settings.temperature).softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    probabilities = probabilities.masked_fill(before >= settings.top_p, 0.0)
    drawn = [torch.multinomial(row, 1, generator=draw) for row, draw in zip(probabilities, draws, strict=True)]
    return order.gather(1, torch.stack(drawn))[:, 0]


class TextStream:
    """Turns tokens into pieces of text that never change again.

    A token can be part of a letter or a word, so what is told lags a word behind, or a few letters where a script has
    no spaces.

    Args:
        tokenizer: The language model's tokenizer.
        ids: Tokens that are there already.
        rewrite: Changes the text before it is told.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, ids: Iterable[int] = (), *, rewrite: Callable[[str], str] = str
    ) -> None:
        self._tokenizer = tokenizer
        self._rewrite = rewrite
        self.ids = list(ids)
        self._told = ""

    @property
    def text(self) -> str:
        """All of the text so far."""
        return self._rewrite(str(self._tokenizer.decode(self.ids, skip_special_tokens=True)).strip())

    def add(self, token: int) -> str:
        """Take a token, and return what can be told now; often nothing."""
        self.ids.append(token)
        text = self.text
        end = max(text.rfind(" ") + 1, text.rfind("\n") + 1, len(text) - _HELD_BACK)
        return self._tell(text[:end])

    def finish(self) -> str:
        """Return the rest."""
        return self._tell(self.text)

    def _tell(self, text: str) -> str:
        if not text.startswith(self._told) or len(text) <= len(self._told):
            return ""
        piece = text[len(self._told) :]
        self._told = text
        return piece
