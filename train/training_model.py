"""The module that DeepSpeed wraps: frames become tokens, the language model reads them, the loss is summed in tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from movieqa.errors import ConfigError
from movieqa.model import Conditioning, Media, MovieModel
from movieqa.model.slot_vocabulary import splice_identities
from movieqa.model.tokens import splice
from movieqa.person_slots import IDENTITY_SLOT
from movieqa.prompt import FRAME_SLOT

from .bundles import Part, bundle_parts, encode_together, read_parts, split_media
from .tiled_loss import TiledLoss


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A medium, or the stretch of it that one of several processes reads.

    Attributes:
        media: The frames.
        rows: Which of their tokens are read, in order; all by default.
        references: For each identity of its sample the media that show it, where the frames are read with them in mind.
    """

    media: Media
    rows: slice | None = None
    references: Sequence[Sequence[Media]] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """The people of one sample whose tokens stand beside their slots, or the stretch of these tokens that is read.

    Attributes:
        references: For each of them, in the order of the sample, the media that show them.
        rows: Which of their tokens are read, in order; all by default.
    """

    references: Sequence[Sequence[Media]]
    rows: slice | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Micro:
    """What a process reads at once.

    Attributes:
        input_ids: Ids with frame slots, and identity slots where there are people.
        targets: The id that comes after each position, or `IGNORED_LABEL`.
        pieces: For each sample its media in order.
        attention_mask: True at real positions; None where nothing is padded.
        position_ids: Positions, where they do not simply count.
        people: Of all samples that have any, in the order of their slots.
    """

    input_ids: Int[Tensor, "B L"]
    targets: Int[Tensor, "B L"]
    pieces: Sequence[Sequence[Piece]]
    attention_mask: Tensor | None = None
    position_ids: Int[Tensor, "B L"] | None = None
    people: Sequence[People] = ()


class IdFormer(nn.Module):
    """What an ID-Former does here; `movieqa.memory` has one, and hands it in."""

    def remember(self, references: Sequence[Float[Tensor, "R P C"]]) -> Float[Tensor, "K Q C"]:
        """Return the memories of identities."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write it to a new folder."""
        raise NotImplementedError


class IdentityTokens(nn.Module):
    """What makes tokens of people's memories does here; `movieqa.memory` has it, and hands it in."""

    def forward(self, memory: Float[Tensor, "K Q C"]) -> Float[Tensor, "K S D"]:
        """Return each person's tokens."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write it to a new folder."""
        raise NotImplementedError


class FrameEncoder(nn.Module):
    """Make the frame tokens of one micro batch, and the tokens of its people.

    It runs exactly once a micro batch, and begins with one empty frame that reaches every weight, whatever else there
    is to encode: processes that hold different kinds of samples then add the same gradients in the same order, as
    DeepSpeed's buckets ask. (LLaMA-VID gave texts an empty picture for that.)

    Args:
        model: The model, without its language model.
        id_former: Changes patches by who is in a frame; its weights are trained through `Media.conditioning`.
        identity_tokens: Makes tokens of what the ID-Former remembers of people.
        recomputes: Whether activations are computed twice instead of kept.
    """

    def __init__(
        self,
        model: MovieModel,
        id_former: IdFormer | None,
        identity_tokens: IdentityTokens | None = None,
        *,
        recomputes: bool,
    ) -> None:
        super().__init__()
        if id_former is not None:
            _lift_scalars(id_former)
        self.movie = model
        self.id_former = id_former
        self.identity_tokens = identity_tokens
        self._recomputes = recomputes

    def forward(self, pieces: Sequence[Sequence[Piece]], people: Sequence[People] = ()) -> Float[Tensor, "N D"]:
        """Return a row of zeros that every weight took part in, then the tokens of all media, then of all people."""
        rows = [self._empty_frame()]
        flat = [piece for sample in pieces for piece in sample]
        towers = self._look(flat, people)
        memories: dict[int, Tensor] = {}
        parts: list[Part] = []
        counts = []
        for piece in flat:
            media, features = self._placed(piece, towers, memories), _features(piece.media, towers)
            parts += (made := list(split_media(media, features, size=self.movie.config.frames_per_block)))
            counts.append(len(made))
        tokens = iter(self._read(parts))
        for piece, count in zip(flat, counts, strict=True):
            own = torch.cat([next(tokens) for _ in range(count)]).flatten(0, 1)
            rows.append(own if piece.rows is None else own[piece.rows])
        rows += [self._told(some, towers, memories) for some in people]
        return torch.cat(rows)  # one tensor: stage 3 hooks into each that comes out, and counts them

    def _look(self, pieces: Sequence[Piece], people: Sequence[People]) -> dict[int, Tensor]:
        """Run the vision tower on every picture and video; what several turns ask about goes through it once."""
        media = [piece.media for piece in pieces]
        shown: list[Piece | People] = [*pieces, *people]
        media += [one for some in shown for own in some.references for one in own]
        pixels = {id(one.pixels): one.pixels for one in media if one.pixels is not None}
        return dict(zip(pixels, encode_together(self.movie, list(pixels.values())), strict=True))

    def _read(self, parts: Sequence[Part]) -> list[Float[Tensor, "_ N D"]]:
        """Return the tokens of each part; those that fit together are made at once."""
        config, made = self.movie.config, [torch.empty(0)] * len(parts)
        for places in bundle_parts(parts, size=config.frames_per_block, num_queries=config.num_query_tokens):
            bundle = [parts[place] for place in places]
            if self._recomputes and torch.is_grad_enabled():
                tokens: Tensor = checkpoint(read_parts, self.movie, bundle, use_reentrant=False)
            else:
                tokens = read_parts(self.movie, bundle)
            for place, own in zip(places, torch.split(tokens, [part.num_frames for part in bundle]), strict=True):
                made[place] = own
        return made

    def _placed(self, piece: Piece, towers: dict[int, Tensor], memories: dict[int, Tensor]) -> Media:
        """Return a piece's medium, with the people of its sample in mind where it is read so."""
        media = piece.media
        if not piece.references or self.id_former is None:
            return media
        memory = self._memory(piece.references, towers, memories)
        present = torch.ones(media.num_frames, len(memory), dtype=torch.bool, device=memory.device)
        return replace(media, conditioning=Conditioning(modulate=self.id_former, memory=memory, present=present))

    def _told(self, people: People, towers: dict[int, Tensor], memories: dict[int, Tensor]) -> Float[Tensor, "_ D"]:
        """Return the tokens of a sample's people, flat."""
        if self.identity_tokens is None or self.id_former is None:
            raise ConfigError("samples with slots, and nothing that makes identity tokens")
        tokens: Tensor = self.identity_tokens(self._memory(people.references, towers, memories))
        return tokens.flatten(0, 1) if people.rows is None else tokens.flatten(0, 1)[people.rows]

    def _memory(
        self, references: Sequence[Sequence[Media]], towers: dict[int, Tensor], memories: dict[int, Tensor]
    ) -> Float[Tensor, "K Q C"]:
        """Return what is remembered of each identity; gradients reach the ID-Former through it."""
        if id(references) not in memories:
            assert self.id_former is not None
            pictures = [torch.cat([_features(one, towers)[:, 1:] for one in shown]) for shown in references]
            memories[id(references)] = self.id_former.remember(pictures)
        return memories[id(references)]

    def _empty_frame(self) -> Float[Tensor, "1 D"]:
        config, weight = self.movie.config, self.movie.image_norm.weight
        features = weight.new_zeros(1, 1 + config.num_patches, config.vision.hidden_size)
        guidance = torch.zeros(1, dtype=torch.long, device=weight.device)
        conditioning, memory = None, None
        if self.id_former is not None:
            memory = self.id_former.remember([features[:, 1:]])
            present = torch.ones(1, 1, dtype=torch.bool, device=weight.device)
            conditioning = Conditioning(modulate=self.id_former, memory=memory, present=present)
        media = Media(guidance_ids=guidance, features=features, conditioning=conditioning)
        zeros = self.movie.frame_tokens(media).sum(dim=1) * 0
        if self.identity_tokens is not None and memory is not None:
            zeros = zeros + self.identity_tokens(memory).sum(dim=1) * 0
        return zeros + self.movie.context_attention.key_projector.bias.sum() * 0  # it cancels in the softmax


def _features(media: Media, towers: Mapping[int, Tensor]) -> Float[Tensor, "F R C"]:
    """Return what the vision tower made of a medium's frames, now or before they were stored."""
    return towers[id(media.pixels)] if media.features is None else media.features


def _lift_scalars(module: nn.Module) -> None:
    """Give single numbers a dimension: DeepSpeed cannot send weights that have none to other processes."""
    for owner in module.modules():
        for name, weight in list(owner.named_parameters(recurse=False)):
            if not weight.ndim:
                setattr(owner, name, nn.Parameter(weight.detach()[None], requires_grad=weight.requires_grad))


class TrainingModel(nn.Module):
    """Compute the loss of a micro batch.

    Args:
        model: The model; its language model moves here, `whole` brings it back.
        id_former: The ID-Former, if the run has one.
        identity_tokens: What makes tokens of people, if the run has it; it needs the ID-Former.
        tile: Positions whose logits exist at once.
        recomputes: Whether activations are computed twice instead of kept.
        offloads: Whether what they are computed from waits in host memory.
    """

    def __init__(
        self,
        model: MovieModel,
        *,
        id_former: IdFormer | None = None,
        identity_tokens: IdentityTokens | None = None,
        tile: int = 1024,
        recomputes: bool = False,
        offloads: bool = False,
    ) -> None:
        super().__init__()
        self.language_model = model.language_model
        del model.language_model
        self.frames = FrameEncoder(model, id_former, identity_tokens, recomputes=recomputes)
        self.loss = TiledLoss(self.language_model.get_output_embeddings(), model.config.language, tile=tile)
        if recomputes:
            self.language_model.activation_checkpointing_enable({"use_reentrant": False}, offload=offloads)

    def forward(self, micro: Micro) -> Float[Tensor, ""]:
        """Return the summed loss of the learned positions."""
        words = self.language_model.get_input_embeddings()(micro.input_ids.masked_fill(micro.input_ids < 0, 0))
        rows = self.frames(micro.pieces, micro.people)
        counts = (micro.input_ids == FRAME_SLOT).sum(dim=1).tolist()
        of_people = int((micro.input_ids == IDENTITY_SLOT).sum())
        if len(rows) != 1 + sum(counts) + of_people:
            raise ConfigError(f"{sum(counts)} frame slots and {of_people} of people for {len(rows) - 1} tokens")
        zeros, frames, identities = torch.split(rows, [1, sum(counts), of_people])
        tokens = [[sample] for sample in torch.split(frames, counts)]
        embeddings = splice_identities(words, micro.input_ids, identities[:, None])
        embeddings = splice(embeddings, micro.input_ids, tokens) + zeros[0].to(words)
        options: dict[str, Any] = {"use_cache": False}
        if micro.position_ids is not None:
            options["position_ids"] = micro.position_ids
        states = self._decoder()(
            inputs_embeds=embeddings, attention_mask=micro.attention_mask, **options
        ).last_hidden_state
        loss: Tensor = self.loss(states, micro.targets)
        return loss

    def whole(self) -> MovieModel:
        """Return the model as it was given, the language model back in its place."""
        model = self.frames.movie
        model.language_model = self.language_model
        return model

    def _decoder(self) -> nn.Module:
        decoder: nn.Module = self.language_model.get_decoder()
        return decoder
