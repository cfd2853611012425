"""Pictures and texts become what the model reads, to the bit as in training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils.hub import PushToHubMixin

from movieqa.budget import plan_context
from movieqa.cast_text import CastText, attach_presence, choose_level
from movieqa.errors import CheckpointError, ConfigError, ContextOverflowError
from movieqa.model.config import MovieConfig
from movieqa.model.pixels import prepare_pictures
from movieqa.movie import Shot, Subtitle
from movieqa.person_slots import IDENTITY_MARK, IDENTITY_SLOT, SLOT_TEXTS
from movieqa.prompt import (
    FRAME_MARK,
    FRAME_SLOT,
    IGNORED_LABEL,
    MODEL_TEMPLATE,
    Prompt,
    Rendered,
    Turn,
    check_turns,
    clean_text,
    find_template,
    presence_text,
    subtitle_text,
    write_film,
    write_question,
)

GUIDANCE_FOLDER = "guidance_tokenizer"
"""Folder of the text decoder's tokenizer inside a model's folder."""
MOST_REPLANS = 8
"""Times a prompt is thinned further because joined lines took more tokens than the lines alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A conversation as ids.

    Attributes:
        input_ids: Int64[L], `FRAME_SLOT` where frame tokens go.
        labels: Int64[L], the ids of answers and their end marks, `IGNORED_LABEL` elsewhere.
    """

    input_ids: NDArray[np.int64]
    labels: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Conversations of unequal length side by side.

    Attributes:
        input_ids: Ids, padding included.
        attention_mask: True at real positions.
        labels: Labels, `IGNORED_LABEL` on padding.
    """

    input_ids: Int[Tensor, "B L"]
    attention_mask: Bool[Tensor, "B L"]
    labels: Int[Tensor, "B L"]


class MovieProcessor(PushToHubMixin):
    """Prepare pictures, conversations and films for one model.

    Args:
        config: The model's configuration.
        tokenizer: The language model's tokenizer.
        guidance_tokenizer: The text decoder's tokenizer.

    Example:
        >>> processor = MovieProcessor.from_pretrained("llama-vid-7b")  # doctest: +SKIP
        >>> processor.preprocess([picture]).shape  # doctest: +SKIP
        torch.Size([1, 3, 224, 224])
    """

    def __init__(
        self, config: MovieConfig, tokenizer: PreTrainedTokenizerBase, guidance_tokenizer: PreTrainedTokenizerBase
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.guidance_tokenizer = guidance_tokenizer
        self.guidance_tokenizer.truncation_side = "left"  # a long question keeps its end

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, **hub_options: Any) -> MovieProcessor:
        """Load from a model's folder or hub name.

        Raises:
            CheckpointError: If the folder is not a complete model.
        """
        try:
            config = MovieConfig.from_pretrained(name_or_path, **hub_options)
            tokenizer = AutoTokenizer.from_pretrained(name_or_path, config=config, **hub_options)
            guidance = AutoTokenizer.from_pretrained(
                name_or_path, config=config, subfolder=GUIDANCE_FOLDER, **hub_options
            )
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{name_or_path} is not a complete movieqa model ({str(error).splitlines()[0]})",
                hint="make one with `movieqa convert`",
            ) from error
        return cls(config, tokenizer, guidance)

    def save_pretrained(self, folder: str | Path, *, push_to_hub: bool = False, **hub_options: Any) -> None:
        """Save both tokenizers and the configuration, so that the folder is complete offline."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.config.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self.guidance_tokenizer.save_pretrained(Path(folder) / GUIDANCE_FOLDER)
        if push_to_hub:
            self.push_to_hub(**hub_options)

    def preprocess(
        self, pictures: Sequence[Image.Image | NDArray[np.uint8]], *, pad: bool = False
    ) -> Float[Tensor, "T 3 H W"]:
        """Bring pictures to the vision tower's size and scale.

        The shorter side is resized (PIL, bicubic) and the middle cut out; with `pad` the picture is first pasted on a
        square of the mean colour, so that nothing is cut off. Video frames are never padded in training.

        Args:
            pictures: PIL pictures, or RGB arrays of shape [H, W, 3].
            pad: Whether to pad to a square first; `config.pad_pictures` says how single pictures were trained.

        Raises:
            ConfigError: If an array is not an RGB picture.
        """
        return prepare_pictures(
            pictures,
            size=self.config.image_size,
            mean=self.config.image_mean,
            std=self.config.image_std,
            pad=pad,
        )

    def guidance_ids(self, text: str) -> Int[Tensor, " L"]:
        """Return the ids of a guidance text; beyond `config.max_guidance_tokens` it loses its beginning.

        Newlines are taken out, as in training.
        """
        limit = self.config.max_guidance_tokens
        ids = self.guidance_tokenizer(text.replace("\n", ""), truncation=True, max_length=limit)["input_ids"]
        return torch.tensor(ids, dtype=torch.long)

    def encode(
        self, turns: Sequence[Turn], *, num_slots: Sequence[int] | None = None, has_identities: bool = False
    ) -> Encoded:
        """Turn a conversation into ids and labels.

        Args:
            turns: User and assistant in turn; a last user's turn is left open for the answer.
            num_slots: Frame slots for each `FRAME_MARK`, in order: one mark is a whole picture or video. Without it
                every mark is one slot: so films are written.
            has_identities: Whether `IDENTITY_MARK` is a mark too, and not a word that somebody wrote.

        Raises:
            ConfigError: If marks and `num_slots` do not agree.
        """
        rendered = self.render(turns)
        marks = (FRAME_MARK, IDENTITY_MARK) if has_identities else (FRAME_MARK,)
        pieces = re.split(f"({'|'.join(marks)})", rendered.text)
        num_marks = pieces[1::2].count(FRAME_MARK)
        if num_slots is not None and len(num_slots) != num_marks:
            raise ConfigError(f"{num_marks} frame marks in the conversation for {len(num_slots)} media")
        slots = iter([1] * num_marks if num_slots is None else num_slots)
        ids: list[int] = []
        is_learned: list[bool] = []
        start = 0
        for index, piece in enumerate(pieces):
            if index % 2:
                piece_ids = [FRAME_SLOT] * next(slots) if piece == FRAME_MARK else [IDENTITY_SLOT]
                learned = [False] * len(piece_ids)
            else:
                piece_ids, learned = self._encode_piece(piece, start, rendered.answers, is_first=index == 0)
            ids += piece_ids
            is_learned += learned
            start += len(piece)
        input_ids = np.array(ids, dtype=np.int64)
        return Encoded(input_ids=input_ids, labels=np.where(is_learned, input_ids, IGNORED_LABEL))

    def render(self, turns: Sequence[Turn]) -> Rendered:
        """Write a conversation with the model's template."""
        if self.config.template != MODEL_TEMPLATE:
            return find_template(self.config.template).render(turns)
        check_turns(turns)
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        answers = []
        for index in range(1, len(turns), 2):
            before, after = self._apply_template(messages[:index]), self._apply_template(messages[: index + 1])
            if after.startswith(before):  # else the template rewrites history, and what is learned cannot be told
                answers.append((len(before), len(after)))
        return Rendered(text=self._apply_template(messages), answers=tuple(answers))

    def film_prompt(
        self,
        question: str,
        *,
        frame_times: NDArray[np.float64],
        subtitles: Sequence[Subtitle] = (),
        shots: Sequence[Shot] = (),
        identity_lines: Sequence[str] = (),
        cast_levels: Sequence[CastText] = (),
        motion: NDArray[np.float64] | None = None,
        answer_tokens: int = 1024,
        limit: int | None = None,
        guidance: str | None = None,
        earlier: Sequence[Turn] = (),
    ) -> Prompt:
        """Write a film and a question into the context, thinned where it does not fit.

        Args:
            question: Always stays.
            frame_times: Seconds of the frames that have features, [T].
            subtitles: Lines in film order.
            shots: The film's shots, of which each keeps a frame.
            identity_lines: Who is in the film, one line each, the most important first.
            cast_levels: What is told of people besides, the fullest first: the first level is taken with which the
                whole film fits, else the last one, whose lines count as identity lines.
            motion: How much each frame differs from the one before, [T]; static shots are thinned first.
            answer_tokens: Room for the answer.
            limit: Tokens of prompt and answer; the model's context by default.
            guidance: Text that guides the context tokens; the question by default.
            earlier: Questions about the same film and their answers; the film stands before the first of them.

        Returns:
            The prompt, and what of the film is in it.

        Raises:
            ContextOverflowError: If not even the question and one frame per shot fit.
        """
        limit = self.config.max_context if limit is None else limit
        specials = self._special_texts()
        specials += (IDENTITY_MARK,)
        asked = clean_text(question, forbidden=specials)
        specials += SLOT_TEXTS  # only a question may mean a person by their slot
        clean = partial(clean_text, forbidden=specials)
        levels = [one.cleaned(identity_lines, clean) for one in cast_levels]
        levels = levels or [CastText(header=(), presence=()).cleaned(identity_lines, clean)]
        people = [one.header for one in levels]
        people_sizes = [self._count_tokens([f"{line}\n" for line in lines]) for lines in people]
        marks = [attach_presence(np.asarray(frame_times), one.presence).values() for one in levels]
        mark_sizes = [sum(self._count_tokens([presence_text(text) for text in on])) for on in marks]
        told = [sum(before) + inside for before, inside in zip(people_sizes, mark_sizes, strict=True)]
        said = [subtitle_text(line, forbidden=specials) for line in subtitles]
        talk = [*(replace(turn, text=clean_text(turn.text, forbidden=specials)) for turn in earlier)]
        talk.append(Turn(role="user", text=asked))
        fixed = len(self._encode_talk(talk, FRAME_MARK).input_ids) - 1
        sizes = self._count_tokens(said)
        whole = fixed + len(frame_times) * self.config.num_tokens_per_frame + sum(sizes)
        reserve = 0
        for _ in range(MOST_REPLANS):
            level = choose_level(told, limit - reserve - answer_tokens - whole)
            budget = plan_context(
                limit=limit - reserve,
                answer_tokens=answer_tokens,
                fixed_tokens=fixed + mark_sizes[level],
                tokens_per_frame=self.config.num_tokens_per_frame,
                frame_times=frame_times,
                shots=shots,
                subtitle_tokens=sizes,
                identity_tokens=people_sizes[level],
                motion=motion,
            )
            film = write_film(
                np.asarray(frame_times)[list(budget.frames)],
                [subtitles[index] for index in budget.subtitles],
                tokens_per_frame=self.config.num_tokens_per_frame,
                forbidden=specials,
                presence=levels[level].presence,
            )
            lines = [people[level][index] for index in budget.identities]
            ids = self._encode_talk(talk, film, lines, has_identities=levels[level].people is not None).input_ids
            excess = len(ids) + answer_tokens - limit
            if excess <= 0:
                break
            reserve += excess
        else:
            raise ContextOverflowError(f"the film could not be thinned to {limit} tokens")
        people_tokens = budget.identity_tokens + mark_sizes[level]
        slots = np.flatnonzero(ids == FRAME_SLOT).reshape(len(budget.frames), self.config.num_tokens_per_frame)
        introduced = max(0, len(budget.identities) - len(identity_lines) - 1)  # after the line that introduces them
        return Prompt(
            input_ids=ids,
            frame_slots=slots,
            guidance=guidance if guidance is not None else asked,
            people=(levels[level].people or ())[:introduced],
            budget=replace(
                budget,
                limit=limit,
                fixed_tokens=fixed,
                identity_tokens=people_tokens,
                subtitle_tokens=len(ids) - fixed - budget.frame_tokens - people_tokens,
                cast_level=level if cast_levels else None,
            ),
        )

    def collate(self, samples: Sequence[Encoded], *, pad_left: bool) -> Batch:
        """Put conversations side by side.

        Args:
            samples: At least one.
            pad_left: Whether padding goes before the text, as answering needs; training pads after it.
        """
        length = max(len(sample.input_ids) for sample in samples)
        pad = self.tokenizer.pad_token_id
        input_ids = torch.full((len(samples), length), 0 if pad is None else int(pad))
        labels = torch.full((len(samples), length), IGNORED_LABEL)
        mask = torch.zeros(len(samples), length, dtype=torch.bool)
        for row, sample in enumerate(samples):
            place = slice(length - len(sample.input_ids), length) if pad_left else slice(0, len(sample.input_ids))
            input_ids[row, place] = torch.from_numpy(sample.input_ids)
            labels[row, place] = torch.from_numpy(sample.labels)
            mask[row, place] = True
        return Batch(input_ids=input_ids, attention_mask=mask, labels=labels)

    def decode(self, ids: Int[Tensor, " N"]) -> str:
        """Return the text of an answer, without its end mark."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def _encode_talk(
        self, talk: Sequence[Turn], film: str, identity_lines: Sequence[str] = (), *, has_identities: bool = False
    ) -> Encoded:
        """Encode a conversation with the film in its first question."""
        first = Turn(role="user", text=write_question(film, talk[0].text, identity_lines=identity_lines))
        return self.encode([first, *talk[1:]], has_identities=has_identities)

    def _encode_piece(
        self, piece: str, start: int, answers: Sequence[tuple[int, int]], *, is_first: bool
    ) -> tuple[list[int], list[bool]]:
        """Encode the text between two frame marks, and say which of its ids are learned."""
        adds_start = is_first and self.config.template != MODEL_TEMPLATE
        wants_offsets = any(begin < start + len(piece) and start < end for begin, end in answers)
        if not piece and not adds_start:
            return [], []
        shift = int(self._swallows_space and piece.startswith(" "))
        coded = self.tokenizer(" " * shift + piece, add_special_tokens=adds_start, return_offsets_mapping=wants_offsets)
        ids: list[int] = list(coded["input_ids"])
        if not wants_offsets:
            return ids, [False] * len(ids)
        offsets = np.array(coded["offset_mapping"], dtype=np.int64).reshape(-1, 2) + start - shift
        places = np.maximum(offsets[:, 0], start)
        stops = np.maximum(offsets[:, 1], places + 1)  # the space that some tokenizers put before has no width
        is_learned = np.zeros(len(ids), dtype=bool)
        for begin, end in answers:
            is_learned |= (begin < stops) & (places < end)
        learned: list[bool] = is_learned.tolist()
        if adds_start and self.tokenizer.bos_token_id is not None and ids[0] == self.tokenizer.bos_token_id:
            learned[0] = False
        return ids, learned

    @cached_property
    def _swallows_space(self) -> bool:
        """Whether a text's own first space is taken for the one that the tokenizer puts before every text.

        SentencePiece, which the released models were trained with, keeps both; transformers' fast tokenizers keep one.
        """
        bare, spaced = (self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("a", " a"))
        return bool(bare == spaced)

    def _count_tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        words = [text.replace(IDENTITY_MARK, "") for text in texts]
        coded = self.tokenizer(words, add_special_tokens=False)["input_ids"]
        return [len(ids) + text.count(IDENTITY_MARK) for ids, text in zip(coded, texts, strict=True)]

    def _special_texts(self) -> tuple[str, ...]:
        """Return strings that subtitles and questions must not bring into a prompt."""
        return tuple(str(token) for token in self.tokenizer.all_special_tokens)

    def _apply_template(self, messages: Sequence[dict[str, str]]) -> str:
        text = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=messages[-1]["role"] == "user"
        )
        return str(text)
