"""Many questions, one film: what can be shared between the questions is computed once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache

from movieqa.answer import Usage
from movieqa.decoding import ENDED, Decoding, Suffixes, TextStream, embed_suffixes, next_logits, write_answers
from movieqa.errors import ConfigError
from movieqa.features import FrameFeatures
from movieqa.film_prompts import CAST_FORMS, CastForm, FilmPrompts, count_shared
from movieqa.film_tokens import FilmTokens
from movieqa.identity import Cast
from movieqa.loaded import LoadedModel
from movieqa.model.cache import CacheSettings
from movieqa.model.conditioning import FilmConditioner, IdentityTokenSource
from movieqa.model.shortage import explain_memory
from movieqa.model.slot_vocabulary import has_person_slots, splice_identities
from movieqa.model.tokens import splice
from movieqa.person_slots import is_renamed_only
from movieqa.prefix import AttentionRecord, Prefix, check_attention, read_prefix
from movieqa.prompt import Prompt
from movieqa.reading import OnText, OpenFilm, Reading, Reply, drain
from movieqa.workspace import Workspace

Guidance = Literal["question", "film"]
GUIDANCES: tuple[Guidance, ...] = ("question", "film")
FILM_GUIDANCE = "What happens in this movie? Who is shown, where are they, and what do they do and say?"


@dataclass(frozen=True, kw_only=True)
class SessionConfig:
    """How a film is read.

    Attributes:
        guidance: What guides the context tokens. `question` is how the models were trained: every question reads the
            film anew. `film` guides them by one text for the whole film, so that the film is read once and every
            further question costs a fraction.
        film_guidance: That text.
        decoding: How words are chosen.
        cache: How the film's keys and values are kept.
        prefill_chunk: Positions read at a time; by default all, or 4,096 on a GPU.
        limit: Tokens of prompt and answer; by default what the model was trained for.
        question_tokens: With `film`, room that is kept for the longest question.
        batch_size: With `film`, questions answered side by side.
        cast_form: How people are told of: by their names in `words`, which any model reads, or by the `slots` of a
            model that was trained with them; then renaming somebody never makes it read the film again.
    """

    guidance: Guidance = "question"
    film_guidance: str = FILM_GUIDANCE
    decoding: Decoding = field(default_factory=Decoding)
    cache: CacheSettings = field(default_factory=CacheSettings)
    prefill_chunk: int | None = None
    limit: int | None = None
    question_tokens: int = 256
    batch_size: int = 16
    cast_form: CastForm = "words"

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: One cannot work.
        """
        if self.guidance not in GUIDANCES:
            raise ConfigError(f"guidance {self.guidance!r} is not one of {', '.join(GUIDANCES)}")
        if self.cast_form not in CAST_FORMS:
            raise ConfigError(f"cast_form {self.cast_form!r} is not one of {', '.join(CAST_FORMS)}")
        if self.question_tokens < 1 or self.batch_size < 1:
            raise ConfigError("question_tokens and batch_size must be at least 1")
        if not self.film_guidance.strip():
            raise ConfigError("film_guidance is empty")


class FilmSession:
    """One film and one model, for any number of questions. Not for several threads at once.

    Args:
        workspace: The film, with this model's features.
        loaded: The model.
        config: How the film is read.
        cast: Who is on screen when; the prompts then say it.
        conditioner: Changes how frames are read by who is in them; None leaves them as they are, to the bit.
        identity_tokens: With slots, makes tokens of the pictures of people, which stand beside their slots.

    Raises:
        WorkspaceError: The film has no features of this model.
        ConfigError: The language model's attention cannot be shared between questions, or it has no slots for people.

    Example:
        >>> session = FilmSession(workspace, open_model("llama-vid-7b-film"))  # doctest: +SKIP
        >>> session.ask("Who gives Mara the key?").text  # doctest: +SKIP
        'Otto gives Mara the key in the boathouse.'
    """

    def __init__(
        self,
        workspace: Workspace,
        loaded: LoadedModel,
        config: SessionConfig | None = None,
        *,
        cast: Cast | None = None,
        conditioner: FilmConditioner | None = None,
        identity_tokens: IdentityTokenSource | None = None,
    ) -> None:
        self.workspace = workspace
        self.loaded = loaded
        self._conditioner = conditioner
        self._identity_tokens = identity_tokens
        self.config = config or SessionConfig()
        if self.config.cast_form == "slots" and not has_person_slots(loaded.processor.tokenizer):
            raise ConfigError(f"{loaded.name} has no slots for people", hint='use cast_form="words"')
        self.features = FrameFeatures.open(workspace, loaded.name, tower=loaded.tower)
        self._language_model = loaded.model.language_model
        check_attention(self._language_model.config)
        self._tokens = FilmTokens(loaded.model, self.features)
        self._prompts = FilmPrompts(
            workspace,
            loaded.processor,
            answer_tokens=self.config.decoding.max_new_tokens,
            limit=self.config.limit,
            motion=self.features.motion,
            cast=cast,
            cast_form=self.config.cast_form,
            identity_tokens=0 if identity_tokens is None else identity_tokens.num_tokens,
        )
        self._film: OpenFilm | None = None

    @property
    def cast(self) -> Cast | None:
        """Who is on screen when, as the prompts say it."""
        return self._prompts.cast

    def use_cast(self, cast: Cast | None) -> None:
        """Take another cast, for instance after somebody was named.

        The next question reads another text. What was made of the pictures is kept: features, and with
        `guidance="film"` the frame tokens. Where slots stand for people, the film that was read is kept too, if nothing
        but names changed.
        """
        before, self._prompts.cast = self._prompts.cast, cast
        if self.config.cast_form == "words" or not (before and cast and is_renamed_only(before, cast)):
            self._film = None

    def retell(self, reply: Reply, *, until: float | None = None) -> str:
        """Return an answer's text with the names people have now; `until` as it was asked with.

        Example:
            >>> reply = session.ask("Who runs?")  # doctest: +SKIP
            >>> session.use_cast(renamed)  # doctest: +SKIP
            >>> session.retell(reply)  # doctest: +SKIP
            'Julia runs to the boathouse.'
        """
        return TextStream(self.loaded.processor.tokenizer, reply.token_ids, rewrite=self._names(until)).text

    def ask(self, question: str, *, until: float | None = None, on_text: OnText | None = None) -> Reply:
        """Answer one question.

        Args:
            question: The question.
            until: Seconds; nothing at or after this time is read.
            on_text: Hears the answer piece by piece.

        Raises:
            ConfigError: The question is empty, `until` leaves nothing of the film, or memory is not enough.
            ContextOverflowError: The question and the least of the film do not fit.
        """
        (reading,) = self._prepare([question], until)
        return drain(self._write(reading), on_text)[0]

    def stream(self, question: str, *, until: float | None = None) -> Generator[str, None, Reply]:
        """Answer one question, yielding the text in pieces; the generator returns the reply.

        The arguments and errors are those of `ask`.

        Example:
            >>> for piece in session.stream("Who runs?"):  # doctest: +SKIP
            ...     print(piece, end="", flush=True)
        """
        (reading,) = self._prepare([question], until)
        replies = yield from self._write(reading)
        return replies[0]

    def ask_many(self, questions: Sequence[str], *, until: float | None = None) -> list[Reply]:
        """Answer several questions; with `guidance="film"` they share one reading of the film and are written together.

        The arguments and errors are those of `ask`.
        """
        return [reply for reading in self._prepare(questions, until) for reply in drain(self._write(reading), None)]

    def next_logits(self, question: str, *, until: float | None = None) -> Float[Tensor, " V"]:
        """Return the logits of the answer's first token, for choosing between given answers."""
        (reading,) = self._prepare([question], until)
        with explain_memory("reading the prompt"):
            prefix, suffixes = reading.start()
            cache = DynamicCache(config=self._language_model.config)
            return next_logits(self._language_model, prefix, suffixes, cache)[0]

    def prompt(self, question: str, *, until: float | None = None) -> Prompt:
        """Return what the model reads for a question."""
        (reading,) = self._prepare([question], until)
        return reading.prompts[0]

    def embed(self, prompt: Prompt, *, until: float | None = None) -> Float[Tensor, "1 L D"]:
        """Return a prompt as the language model reads it, frame tokens included; `until` as it was written with."""
        return self._embed(prompt, prompt.input_ids, until)

    def _prepare(self, questions: Sequence[str], until: float | None) -> list[Reading]:
        """Write the prompts, and group the questions that are answered together."""
        asked = [self._prompts.clean(question) for question in questions]
        if not all(asked):
            raise ConfigError("the question is empty", hint="ask something, such as: Who takes the key?")
        if self.config.guidance == "question":
            return [self._question_reading(question, until) for question in asked]
        size = self.config.batch_size
        return [self._film_reading(asked[start : start + size], until) for start in range(0, len(asked), size)]

    def _question_reading(self, question: str, until: float | None) -> Reading:
        prompt = self._prompts.write(question, until=until)

        def start() -> tuple[Prefix, Suffixes]:
            embeddings = self._embed(prompt, prompt.input_ids, until)
            last = torch.ones(1, 1, dtype=torch.bool, device=embeddings.device)
            return self._read(embeddings[:, :-1]), Suffixes(embeddings=embeddings[:, -1:], mask=last)

        return Reading(questions=[question], prompts=[prompt], start=start, until=until)

    def _film_reading(self, questions: list[str], until: float | None) -> Reading:
        film = self._open_film(until)
        prompts = [self._prompts.finish(film.shared, question) for question in questions]

        def start() -> tuple[Prefix, Suffixes]:
            ids = film.shared.ids
            if film.prefix is None:
                film.prefix = self._read(self._embed(film.shared.prompt, ids, until))
            length = min(count_shared(ids, prompt.input_ids) for prompt in prompts)
            rows = [prompt.input_ids[length:].tolist() for prompt in prompts]
            with torch.inference_mode():
                return film.prefix.cut(length), embed_suffixes(self._language_model, rows)

        return Reading(questions=questions, prompts=prompts, start=start, until=until)

    def _open_film(self, until: float | None) -> OpenFilm:
        """Return what all questions share; of several `until` only the last is kept, a film's cache is large."""
        if self._film is None or self._film.shared.until != until:
            self._film = None
            shared = self._prompts.share(
                until=until,
                guidance=self._prompts.clean(self.config.film_guidance),
                question_tokens=self.config.question_tokens,
            )
            self._film = OpenFilm(shared=shared)
        return self._film

    def _embed(self, prompt: Prompt, ids: NDArray[np.int64], until: float | None) -> Float[Tensor, "1 L D"]:
        model = self.loaded.model
        guidance_ids = self.loaded.processor.guidance_ids(prompt.guidance)
        tokens = self._tokens.tokens(
            prompt.budget.frames,
            guidance_ids,
            keep=self.config.guidance == "film",
            conditioning=None if self._conditioner is None else self._conditioner.conditioning(until),
        )
        with torch.inference_mode():
            rows = torch.from_numpy(ids)[None].to(model.device)
            words = model.get_input_embeddings()(rows.masked_fill(rows < 0, 0))  # frame and identity slots
            if self._identity_tokens is not None and prompt.people:
                words = splice_identities(words, rows, self._identity_tokens.tokens(prompt.people, until))
            return splice(words, rows, [[tokens.flatten(0, 1)]])

    def _names(self, until: float | None) -> Callable[[str], str]:
        """Return what gives the model's slots the names of people."""
        slots = self._prompts.slots(until)
        return str if slots is None else slots.tell

    def _read(self, embeddings: Float[Tensor, "1 P D"]) -> Prefix:
        return read_prefix(self._language_model, embeddings, self.config.cache, chunk=self.config.prefill_chunk)

    def _write(self, reading: Reading) -> Generator[str, None, list[Reply]]:
        """Write the answers of one reading side by side, yielding the first one in pieces."""
        started = time.perf_counter()
        tell = self._names(reading.until)
        streams = [TextStream(self.loaded.processor.tokenizer, rewrite=tell) for _ in reading.questions]
        with explain_memory("reading the prompt"):
            prefix, suffixes = reading.start()
            record = AttentionRecord(
                len(streams), prefix.length, layers=self._watched_layers(), device=suffixes.mask.device
            )
            for tokens in write_answers(
                self._language_model,
                prefix,
                suffixes,
                self.config.decoding,
                end_ids=self._end_ids(),
                record=record,
            ):
                pieces = [
                    "" if token == ENDED else stream.add(token)
                    for stream, token in zip(streams, tokens.tolist(), strict=True)
                ]
                if pieces[0]:
                    yield pieces[0]
        if rest := streams[0].finish():
            yield rest
        seconds = time.perf_counter() - started
        return [self._reply(reading, row, stream, record, seconds) for row, stream in enumerate(streams)]

    def _reply(self, reading: Reading, row: int, stream: TextStream, record: AttentionRecord, seconds: float) -> Reply:
        prompt = reading.prompts[row]
        budget = prompt.budget
        slots = torch.from_numpy(prompt.frame_slots).to(record.active.device)
        return Reply(
            question=reading.questions[row],
            text=stream.text,
            token_ids=tuple(stream.ids),
            is_complete=len(stream.ids) < self.config.decoding.max_new_tokens,
            frames=budget.frames,
            attention=record.mean(row)[slots].sum(dim=-1).double().cpu().numpy(),
            usage=Usage(
                frames_used=len(budget.frames),
                frames_dropped=len(budget.dropped_frames),
                subtitles_used=len(budget.subtitles),
                subtitles_dropped=len(budget.dropped_subtitles),
                prompt_tokens=len(prompt),
                answer_tokens=len(stream.ids),
                limit=budget.limit,
                seconds=seconds,
            ),
        )

    def _watched_layers(self) -> range:
        """Return the middle half of the layers: early ones attend to neighbours, the last ones to the next word."""
        count = int(self._language_model.config.num_hidden_layers)
        return range(count // 4, max(count // 4 + 1, 3 * count // 4))

    def _end_ids(self) -> frozenset[int]:
        configured = self.loaded.model.generation_config.eos_token_id
        ids = [configured] if isinstance(configured, int) else list(configured or ())
        ids.append(self.loaded.processor.tokenizer.eos_token_id)
        return frozenset(int(one) for one in ids if one is not None)
