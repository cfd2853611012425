"""Puts many questions to a judge: several at once, none twice, within a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tqdm import tqdm

from movieqa.errors import ConfigError, JudgeError

from .cache import ReplyCache
from .client import Judge
from .replies import Value, read_reply
from .rubric import JudgeQuestion

MOST_AT_ONCE = 64
_MOST_FAULTS = 8  # in a row from the start


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a judge said of one question, or why it said nothing.

    Attributes:
        values: The fields of the rubric; empty where the question is unjudged.
        reply: The raw text; None where there is none.
        reason: Why the question is unjudged; None where it is judged.
    """

    values: Mapping[str, Value] = field(default_factory=dict)
    reply: str | None = None
    reason: str | None = None

    @property
    def is_judged(self) -> bool:
        """Whether there is a verdict."""
        return self.reason is None


class Panel:
    """A judge with its kept replies and its budget.

    Args:
        judge: Whom to ask; None to use kept replies only.
        model: Name of the judge, which kept replies are looked up by.
        cache: Where replies are kept.
        max_calls: The most questions to put to the judge, those that are kept not counted; None for no limit.
        workers: How many at once.
        progress: Show a bar on standard error.

    Raises:
        ConfigError: A number is out of range.
    """

    def __init__(
        self,
        judge: Judge | None,
        model: str,
        cache: ReplyCache,
        *,
        max_calls: int | None = None,
        workers: int = 4,
        progress: bool = False,
    ) -> None:
        if not 1 <= workers <= MOST_AT_ONCE:
            raise ConfigError(f"the judge can be asked 1 to {MOST_AT_ONCE} questions at once, not {workers}")
        if max_calls is not None and max_calls < 0:
            raise ConfigError(f"the most calls to a judge cannot be {max_calls}")
        self.model = model
        self.calls = 0
        self._judge, self._cache = judge, cache
        self._max_calls, self._workers, self._progress = max_calls, workers, progress

    def judge(self, questions: Sequence[JudgeQuestion]) -> tuple[Judgement, ...]:
        """Return a judgement for every question, in order.

        Raises:
            JudgeError: The judge refuses the key, is not there, or nothing at all can be had from it.
            EvaluationError: Replies cannot be kept.
        """
        missing = {
            question.digest(self.model): question
            for question in questions
            if self._cache.get(question, self.model) is None
        }
        room = len(missing) if self._max_calls is None else max(0, self._max_calls - self.calls)
        asked = dict(list(missing.items())[: room if self._judge is not None else 0])
        faults = self._ask(asked)
        return tuple(self._judgement(question, faults) for question in questions)

    @property
    def notes(self) -> tuple[str, ...]:
        """What readers of the scores should know."""
        own = (
            f"Judge: {self.model}, temperature 0; {self.calls} calls; prompts and replies in {self._cache.path.name}.",
        )
        return own if self._judge is None else own + self._judge.notes

    def _ask(self, questions: Mapping[str, JudgeQuestion]) -> dict[str, str]:
        """Put questions to the judge and keep the replies; return why there is none, by digest."""
        if not questions:
            return {}
        faults: dict[str, JudgeError] = {}
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="judge")
        try:
            futures = {key: pool.submit(self._one, question) for key, question in questions.items()}
            bar = tqdm(futures.items(), desc="judging", unit="question", disable=not self._progress)
            for key, future in bar:
                self.calls += 1
                try:
                    future.result()
                except JudgeError as error:
                    faults[key] = error
                    if error.is_final or len(faults) == self.calls == _MOST_FAULTS:
                        raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        if len(faults) == self.calls:
            raise next(iter(faults.values()))  # nobody answers: that is no matter of single questions
        return {key: str(error) for key, error in faults.items()}

    def _one(self, question: JudgeQuestion) -> None:
        assert self._judge is not None
        self._cache.put(question, self.model, self._judge.ask(question))

    def _judgement(self, question: JudgeQuestion, faults: Mapping[str, str]) -> Judgement:
        reply = self._cache.get(question, self.model)
        if reply is None:
            fault = faults.get(question.digest(self.model))
            if fault is None:
                fault = "no judge was asked" if self._judge is None else f"over the budget of {self._max_calls} calls"
            return Judgement(reason=fault)
        values = read_reply(reply, question.rubric)
        if values is None:
            return Judgement(reply=reply, reason="the judge's reply cannot be read")
        return Judgement(values=values, reply=reply)
