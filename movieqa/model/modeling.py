"""A film and a question in, an answer out: vision tower, text decoder, frame tokens, language model.

In shapes, R = 1 + P rows are a frame's class token and patches, N = 1 + M tokens its context and content tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers import initialization as init
from transformers.cache_utils import Cache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.instructblip.modeling_instructblip import InstructBlipQFormerModel, InstructBlipVisionModel
from transformers.utils.generic import ModelOutput

from movieqa.errors import ConfigError
from movieqa.model.cache import CacheSettings, make_cache, prefill
from movieqa.model.conditioning import Conditioning
from movieqa.model.config import MovieConfig
from movieqa.model.shortage import explain_memory
from movieqa.model.tokens import (
    ContextAttention,
    Media,
    build_projector,
    order_tokens,
    pool_patches,
    pool_twice,
    splice,
)
from movieqa.prompt import FRAME_SLOT, IGNORED_LABEL

DEFAULT_ROOM = 1024
"""Positions of a preallocated cache for the answer, where no number of new tokens is given."""


class MovieModel(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Answer questions about pictures, videos and whole films (LLaMA-VID, arXiv 2311.17043).

    Everything the model needs comes in with the call; nothing is remembered between two calls.

    Args:
        config: The whole configuration; presets are in `movieqa.model.config`.

    Example:
        >>> from movieqa.model.config import tiny
        >>> model = MovieModel(tiny()).eval()
        >>> film = Media(guidance_ids=torch.tensor([2, 9, 3]), pixels=torch.zeros(5, 3, 112, 112))
        >>> model.frame_tokens(film).shape
        torch.Size([5, 2, 64])
    """

    config_class = MovieConfig
    config: MovieConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    input_modalities = ["text", "image", "video"]  # noqa: RUF012
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _can_compile_fullgraph = True
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012

    def __init__(self, config: MovieConfig) -> None:
        super().__init__(config)
        vision_width, width = config.vision.hidden_size, config.language.hidden_size
        self.vision_tower = InstructBlipVisionModel(config.vision)
        # LLaMA-VID reads the last block's output as it is
        self.vision_tower.post_layernorm = nn.Identity()  # type: ignore[assignment]
        self.vision_tower.requires_grad_(False)  # frozen in every stage; its key bias must stay zero
        self.image_norm = nn.LayerNorm(vision_width, eps=config.image_norm_eps)
        self.query_tokens = nn.Parameter(torch.zeros(1, config.num_query_tokens, config.qformer.hidden_size))
        self.text_decoder = InstructBlipQFormerModel(config.qformer)
        self.context_attention = ContextAttention(config.qformer.hidden_size, vision_width, width)
        self.content_projector = build_projector(config.projector, vision_width, width)
        self.language_model = AutoModelForCausalLM.from_config(config.language)  # type: ignore[no-untyped-call]
        self.post_init()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, MovieModel):
            init.normal_(module.query_tokens, std=self.config.qformer.initializer_range)

    def get_input_embeddings(self) -> nn.Module:
        """Return the language model's word embeddings."""
        return self.language_model.get_input_embeddings()  # type: ignore[no-any-return]

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the language model's word embeddings."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """Return the language model's output layer."""
        return self.language_model.get_output_embeddings()  # type: ignore[no-any-return]

    @torch.no_grad()
    def encode_frames(self, pixels: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T R C"]:
        """Run the vision tower, which no stage trains; the class token comes first.

        Args:
            pixels: Frames from `MovieProcessor.preprocess`, of any number.

        Raises:
            ConfigError: If the frames are not of the size that the model is made for.
        """
        size = self.config.image_size
        if tuple(pixels.shape[2:]) != (size, size):
            raise ConfigError(f"frames must be {size} x {size} pixels, not {tuple(pixels.shape[2:])}")
        blocks = [self.vision_tower(block).last_hidden_state for block in self._blocks(pixels)]
        return torch.cat(blocks)

    def content_tokens(
        self, features: Float[Tensor, "T R C"], *, conditioning: Conditioning | None = None
    ) -> Float[Tensor, "T M D"]:
        """Return the content tokens; they do not depend on the question.

        Args:
            features: Vision tower output, the class token first.
            conditioning: Who is in these frames; changes their patches before tokens are made of them.
        """
        checked = self._checked(features)
        return torch.cat([self._content(block[:, 1:]) for block in self._blocks(checked, conditioning=conditioning)])

    def context_tokens(
        self,
        features: Float[Tensor, "T R C"],
        guidance_ids: Int[Tensor, " L"],
        *,
        reads_class_token: bool,
        conditioning: Conditioning | None = None,
    ) -> Float[Tensor, "T D"]:
        """Return the context token of every frame, guided by a text.

        Args:
            features: Vision tower output, the class token first.
            guidance_ids: Token ids of the guidance text.
            reads_class_token: Whether the text decoder reads the class token too: so for pictures and videos, not so
                for films from stored features. The context attention never does.
            conditioning: Who is in these frames; changes their patches before tokens are made of them.
        """
        blocks = [
            self._context(block, guidance_ids, reads_class_token=reads_class_token)
            for block in self._blocks(self._checked(features), conditioning=conditioning)
        ]
        return torch.cat(blocks)

    def frame_tokens(self, media: Media) -> Float[Tensor, "T N D"]:
        """Return the tokens of every frame, the context token first; memory is bounded by a block of frames."""
        return self._tokens(self.encode_frames(media.pixels) if media.pixels is not None else media.features, media)

    def embed_prompt(
        self, input_ids: Int[Tensor, "B L"], media: Sequence[Sequence[Media]] | None = None
    ) -> Float[Tensor, "B L D"]:
        """Embed prompts, with the frame tokens of their media in the frame slots.

        Args:
            input_ids: Ids with `FRAME_SLOT` at every position that a frame token fills.
            media: For each prompt its pictures, videos and films in order; none at all for text.

        Raises:
            ConfigError: If slots and frame tokens do not agree.
        """
        words = self.get_input_embeddings()(input_ids.masked_fill(input_ids == FRAME_SLOT, 0))
        samples = media if media is not None else [[] for _ in input_ids]
        encoded: dict[int, Tensor] = {}  # the same frames in two turns go through the vision tower once
        tokens = []
        for sample in samples:
            rows = []
            for medium in sample:
                frames = medium.features
                if medium.pixels is not None:
                    if id(medium.pixels) not in encoded:
                        encoded[id(medium.pixels)] = self.encode_frames(medium.pixels)
                    frames = encoded[id(medium.pixels)]
                rows.append(self._tokens(frames, medium).flatten(0, 1))
            tokens.append(rows)
        return splice(words, input_ids, tokens)

    def forward(
        self,
        input_ids: Int[Tensor, "B L"] | None = None,
        media: Sequence[Sequence[Media]] | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Int[Tensor, "B L"] | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: Float[Tensor, "B L D"] | None = None,
        labels: Int[Tensor, "B L"] | None = None,
        logits_to_keep: int | Tensor | None = None,
        num_items_in_batch: int | Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Run the language model on prompts with media.

        Args:
            input_ids: Prompts with frame slots; or give `inputs_embeds`.
            media: For each prompt its media in order.
            attention_mask: True at real positions, [B, L]; needed only where prompts are padded.
            position_ids: Positions, if they do not simply count from the cache's length.
            past_key_values: Keys and values of what came before.
            inputs_embeds: Prompts that are embedded already.
            labels: Ids to learn, `IGNORED_LABEL` elsewhere; adds the loss, the mean over all learned positions.
            logits_to_keep: Positions to compute logits for: the last n, chosen ones, or 0 for all. By default all
                without labels, and with labels those the loss needs (a film has few of them among 64K).
            num_items_in_batch: Divides the loss instead of the number of learned positions here.
            **kwargs: Further arguments of the language model.

        Returns:
            Logits at the kept positions, the cache, and the loss where labels are given.

        Raises:
            ConfigError: If neither or both of `input_ids` and `inputs_embeds` are given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ConfigError("give the model either input_ids or inputs_embeds")
        if inputs_embeds is None and input_ids is not None:
            inputs_embeds = self.embed_prompt(input_ids, media)
        targets = None
        if labels is not None:
            targets = functional.pad(labels[:, 1:], (0, 1), value=IGNORED_LABEL)
            if logits_to_keep is None:
                logits_to_keep = (targets != IGNORED_LABEL).any(dim=0).nonzero()[:, 0]
        kept: int | Tensor = 0 if logits_to_keep is None else logits_to_keep
        outputs: CausalLMOutputWithPast = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            logits_to_keep=kept,
            **kwargs,
        )
        if targets is not None and outputs.logits is not None:
            targets = targets[:, kept] if isinstance(kept, Tensor) else targets[:, -kept:]
            outputs.loss = _mean_loss(outputs.logits, targets, num_items_in_batch)
        return outputs

    @torch.no_grad()
    def generate(  # type: ignore[override]
        self,
        input_ids: Int[Tensor, "B L"] | None = None,
        *,
        media: Sequence[Sequence[Media]] | None = None,
        inputs_embeds: Float[Tensor, "B L D"] | None = None,
        attention_mask: Bool[Tensor, "B L"] | Int[Tensor, "B L"] | None = None,
        cache: CacheSettings | None = None,
        prefill_chunk: int | None = None,
        **options: Any,
    ) -> Int[Tensor, "B N"] | ModelOutput:
        """Write answers.

        Args:
            input_ids: Prompts with frame slots, padded on the left; or give `inputs_embeds`.
            media: For each prompt its media in order.
            inputs_embeds: Prompts that are embedded already.
            attention_mask: True at real positions; needed only where prompts are padded.
            cache: How keys and values are kept; growing with the answer by default.
            prefill_chunk: Positions to read at a time; bounds memory on long prompts, greedy decoding stays the same.
            **options: Options of transformers' `generate`: `max_new_tokens`, `do_sample`, `streamer`, ...

        Returns:
            Only the new ids, without the prompt; or what `return_dict_in_generate` gives, if that is set.

        Raises:
            ConfigError: If prompts are padded on the right, or options exclude each other.
        """
        if inputs_embeds is None and input_ids is None:
            raise ConfigError("give the model either input_ids or inputs_embeds")
        if attention_mask is not None and not bool(attention_mask[:, -1].all()):
            raise ConfigError("prompts to be answered must be padded on the left")
        wants_cache = (cache is not None or prefill_chunk is not None) and "past_key_values" not in options
        if wants_cache and max(options.get("num_beams", 1), options.get("num_return_sequences", 1)) > 1:
            raise ConfigError("cache settings and chunked prefill work with one answer per prompt, not with beams")
        with explain_memory("the prompt"):
            if inputs_embeds is None and input_ids is not None:
                inputs_embeds = self.embed_prompt(input_ids, media)
            if wants_cache and inputs_embeds is not None:
                room = options.get("max_new_tokens") or self.generation_config.max_new_tokens or DEFAULT_ROOM
                options["past_key_values"] = make_cache(
                    self.config.language, cache or CacheSettings(), max_length=inputs_embeds.shape[1] + room
                )
            if prefill_chunk is not None and inputs_embeds is not None:
                prefill(
                    self.language_model,
                    inputs_embeds,
                    options["past_key_values"],
                    chunk=prefill_chunk,
                    attention_mask=attention_mask,
                )
            return super().generate(  # type: ignore[misc]
                inputs_embeds=inputs_embeds, attention_mask=attention_mask, **options
            )

    def _blocks(
        self, frames: Tensor, indices: Int[Tensor, " T"] | None = None, *, conditioning: Conditioning | None = None
    ) -> Iterator[Tensor]:
        """Yield blocks of frames, each on the device and in the type of the weights: never a copy of a whole film."""
        weight = self.image_norm.weight
        chosen = frames if indices is None else indices.to(frames.device)
        if conditioning is not None:
            conditioning.check(len(chosen))
        for index, part in enumerate(torch.split(chosen, self.config.frames_per_block)):
            block = (part if indices is None else frames[part]).to(weight.device, weight.dtype)
            start = index * self.config.frames_per_block
            yield block if conditioning is None else conditioning.rows(slice(start, start + len(block))).apply(block)

    def _checked(self, features: Tensor | None) -> Tensor:
        """Return the features if they can come from this model's vision tower."""
        rows, width = 1 + self.config.num_patches, self.config.vision.hidden_size
        if features is None or features.ndim != 3 or tuple(features.shape[1:]) != (rows, width):
            shape = None if features is None else list(features.shape)
            raise ConfigError(
                f"features of shape {shape} are not of this model, which has {rows} rows of {width} a frame",
                hint="run the features step again with this model",
            )
        return features

    def _tokens(self, features: Float[Tensor, "F R C"] | None, media: Media) -> Float[Tensor, "T N D"]:
        """Return the tokens of a medium whose frames went through the vision tower."""
        tokens = []
        checked = self._checked(features)
        for block in self._blocks(checked, media.frame_indices, conditioning=media.conditioning):
            queries = self._queries(block, media.guidance_ids, reads_class_token=media.pixels is not None)
            tokens.append(self.make_tokens(queries, block[:, 1:]))
        return torch.cat(tokens)

    def make_tokens(self, queries: Float[Tensor, "T Q E"], patches: Float[Tensor, "T P C"]) -> Float[Tensor, "T N D"]:
        """Return the tokens of frames that the text decoder has read: what LLaMA-VID adds to a language model."""
        attention = self.context_attention
        weights = attention.weigh(queries, patches)
        attended, pooled = pool_twice(weights, patches, self.config.pooling, self.config.grid_size)
        return order_tokens(attention.value_projector(attended), self.content_projector(pooled))

    def _content(self, patches: Float[Tensor, "T P C"]) -> Float[Tensor, "T M D"]:
        pooled = pool_patches(patches, self.config.pooling, self.config.grid_size)
        return self.content_projector(pooled)  # type: ignore[no-any-return]

    def _context(
        self, features: Float[Tensor, "T R C"], guidance_ids: Int[Tensor, " L"], *, reads_class_token: bool
    ) -> Float[Tensor, "T D"]:
        queries = self._queries(features, guidance_ids, reads_class_token=reads_class_token)
        return self.context_attention(queries, features[:, 1:])  # type: ignore[no-any-return]

    def _queries(
        self, features: Float[Tensor, "T R C"], guidance_ids: Int[Tensor, " L"], *, reads_class_token: bool
    ) -> Float[Tensor, "T Q E"]:
        read = features if reads_class_token else features[:, 1:]
        return self.read_frames(self.image_norm(read), guidance_ids)

    def read_frames(
        self,
        features: Float[Tensor, "T R C"],
        guidance_ids: Int[Tensor, " L"] | Int[Tensor, "T L"],
        guidance_mask: Bool[Tensor, "T L"] | None = None,
    ) -> Float[Tensor, "T Q E"]:
        """Let the query tokens read every frame with a guidance text in mind.

        Args:
            features: Of frames, through `image_norm`.
            guidance_ids: One text for all of them, or one for each, padded on the right.
            guidance_mask: What of the texts is real; all by default.

        Raises:
            ConfigError: If a text is longer than the text decoder reads.
        """
        longest, length = self.config.qformer.max_position_embeddings, guidance_ids.shape[-1]
        if length > longest:
            raise ConfigError(f"{length} guidance tokens, and the text decoder reads at most {longest}")
        num_frames, mask = len(features), None
        if guidance_mask is not None:
            mask = functional.pad(guidance_mask.to(features.device), (self.config.num_query_tokens, 0), value=True)
        states = self.text_decoder(
            input_ids=guidance_ids.to(features.device).expand(num_frames, -1),
            attention_mask=mask,
            query_embeds=self.query_tokens.expand(num_frames, -1, -1),
            encoder_hidden_states=features,
        ).last_hidden_state
        return states[:, : self.config.num_query_tokens]  # type: ignore[no-any-return]


def _mean_loss(
    logits: Float[Tensor, "B N V"], targets: Int[Tensor, "B N"], num_items: int | Tensor | None
) -> Float[Tensor, ""]:
    """Return the cross-entropy, summed over learned positions and divided by their number (or by `num_items`)."""
    total = functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten().to(logits.device), ignore_index=IGNORED_LABEL, reduction="sum"
    )
    learned = (targets != IGNORED_LABEL).sum().clamp(min=1)
    return total / (learned if num_items is None else torch.as_tensor(num_items)).to(total.device)
