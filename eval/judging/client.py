"""A judge: one model behind an endpoint that speaks the OpenAI chat protocol."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from movieqa.errors import ConfigError, JudgeError, MissingDependencyError

from .rubric import JudgeQuestion

if TYPE_CHECKING:
    import openai

DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY"
_NO_KEY = "none"  # what local servers get, which ask for no key
_OPTIONAL = ("response_format", "temperature")  # what some endpoints refuse
_MOST_ERROR = 200


@dataclass(frozen=True, kw_only=True)
class JudgeConfig:
    """Which judge, and how long to wait for it.

    Attributes:
        model: The name that the endpoint knows it by.
        url: The endpoint's base, such as `http://localhost:8000/v1`.
        key_variable: Environment variable that holds the key; it may be unset for a server that asks for none.
        timeout: Seconds that one call may take.
        retries: How often a call is made again after 408, 409, 429, 5xx, a lost connection or a time-out.
        answer_tokens: The longest reply.
    """

    model: str
    url: str
    key_variable: str = DEFAULT_KEY_VARIABLE
    timeout: float = 60.0
    retries: int = 4
    answer_tokens: int = 512

    def __post_init__(self) -> None:
        """Check the address.

        Raises:
            ConfigError: It is no http address, or holds a user's name or password.
        """
        try:
            parts = urlsplit(self.url)
            port_is_fine = parts.port is None or parts.port > 0
        except ValueError:
            port_is_fine = False
        if not port_is_fine or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("the judge's address is no http address", hint="such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ConfigError(
                "the judge's address may hold no key or password", hint=f"put the key into {self.key_variable}"
            )
        if not self.model.strip():
            raise ConfigError("the judge's model has no name", hint="say which with --judge-model")
        if not 0 < self.timeout <= 3600 or not 0 <= self.retries <= 20:
            raise ConfigError(f"a judge's timeout and retries cannot be {self.timeout:g} and {self.retries}")


class Judge:
    """Asks a judge model, one question a call, at temperature 0.

    The key comes from the environment and goes nowhere but into the request. Redirects are not followed. Safe to
    use from several threads.

    Raises:
        MissingDependencyError: The package `openai` is not installed.

    Example:
        >>> judge = Judge(JudgeConfig(model="judge", url="http://localhost:8000/v1"))  # doctest: +SKIP
        >>> judge.ask(question)  # doctest: +SKIP
        '{"score": 4}'
    """

    def __init__(self, config: JudgeConfig) -> None:
        self.config = config
        self._key = os.environ.get(config.key_variable, "").strip() or _NO_KEY
        self._client = self._open()
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def ask(self, question: JudgeQuestion) -> str:
        """Return the judge's reply as it came, which may be empty.

        Raises:
            JudgeError: No reply could be had; its `is_final` says whether another question would fare no better.
        """
        import openai

        while True:
            options = self._options(question)
            try:
                completion = self._client.chat.completions.create(**options)
            except openai.BadRequestError as error:
                if self._drop_refused(error, options):
                    continue
                raise self._trouble(error) from None
            except openai.OpenAIError as error:
                raise self._trouble(error) from None
            except (ValueError, TypeError, RecursionError):  # the library lets a broken body through as it falls
                raise JudgeError(f"{self._who} sent what is no JSON") from None
            choices = getattr(completion, "choices", None)  # whatever the server says is taken, unchecked
            if not isinstance(choices, list) or not choices:
                raise JudgeError(f"{self._who} sent a reply without an answer")
            content = getattr(getattr(choices[0], "message", None), "content", None)
            return content if isinstance(content, str) else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What readers of the scores should know."""
        return tuple(f"The judge does not take `{name}`; it was left out." for name in sorted(self._refused))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @property
    def _who(self) -> str:
        return f"the judge {self.config.model} at {urlsplit(self.config.url).netloc}"

    def _open(self) -> openai.OpenAI:
        try:
            import openai

            from .transport import BoundedTransport
        except ImportError:
            raise MissingDependencyError(
                "a judge needs the package openai", hint="install it with: pip install 'movieqa[eval]'"
            ) from None
        transport = BoundedTransport(self.config.timeout)
        return openai.OpenAI(
            api_key=self._key,
            base_url=self.config.url,
            timeout=self.config.timeout,
            max_retries=self.config.retries,
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultHttpxClient(transport=transport, follow_redirects=False, trust_env=False),
        )

    def _options(self, question: JudgeQuestion) -> dict[str, Any]:
        options: dict[str, Any] = {
            "model": self.config.model,
            "messages": [{"role": "user", "content": question.prompt}],
            "max_tokens": self.config.answer_tokens,
            "temperature": 0,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": question.rubric.schema()},
            },
        }
        return {name: value for name, value in options.items() if name not in self._refused}

    def _drop_refused(self, error: openai.BadRequestError, options: dict[str, Any]) -> bool:
        """Leave out from now on what the endpoint says it does not take; return whether there was such a thing."""
        said = str(error).lower()
        named = next((name for name in _OPTIONAL if name in options and name in said), None)
        if named is None and "response_format" in options and ("json_schema" in said or "guided" in said):
            named = "response_format"
        if named is None:
            return False
        with self._lock:
            self._refused.add(named)
        return True

    def _trouble(self, error: openai.OpenAIError) -> JudgeError:
        import openai

        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            hint = f"is the right key in {self.config.key_variable}?"
            return JudgeError(f"{self._who} refuses the key", hint=hint, is_final=True)
        if isinstance(error, openai.NotFoundError):
            return JudgeError(f"{self._who} is not there", hint="check --judge-model and --judge-url", is_final=True)
        if isinstance(error, openai.APITimeoutError):
            return JudgeError(f"{self._who} did not answer within {self.config.timeout:g} s")
        if isinstance(error, openai.APIConnectionError):
            return JudgeError(f"{self._who} cannot be reached", hint="is it running?")
        if isinstance(error, openai.APIStatusError) and 300 <= error.status_code < 400:
            hint = "give its final address; redirects are not followed"
            return JudgeError(f"{self._who} sends elsewhere", hint=hint, is_final=True)
        said = " ".join(str(error).split()).replace(self._key, "***")[:_MOST_ERROR]
        return JudgeError(f"{self._who} failed: {said}")
