"""The processor that writes conversations in the template that is trained, and marks what of them is learned.

Besides the templates that models are asked with (`movieqa.prompt`), three are known that differ in what is learned:
IDA-VLM's ChatML, where the markers of every turn are learned too; VTimeLLM's ChatGLM3, where the token after an answer,
which ends it, is; and VTimeLLM's plain captions, which begin on a line of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from movieqa.errors import ConfigError
from movieqa.model import MovieConfig, MovieProcessor
from movieqa.prompt import FRAME_MARK, MODEL_TEMPLATE, Rendered, Turn, check_turns, find_template

_START, _END, _NEWLINE = "<|im_start|>", "<|im_end|>", "\n"
_GLM_ROLES = {"user": "<|user|>", "assistant": "<|assistant|>"}
_GLM_START, _GLM_END = "[gMASK]sop", "</s>"


def render_chatml(turns: Sequence[Turn]) -> Rendered:
    """Write a conversation as Qwen-VL was tuned on it; answers, and the markers and line ends of all turns are learned.

    Raises:
        ConfigError: If the turns do not alternate, the user first.

    Example:
        >>> render_chatml([Turn(role="user", text="Who?")]).text.endswith("assistant\\n")
        True
    """
    check_turns(turns)
    text, learned = "", []
    said = [("system", "You are a helpful assistant."), *((turn.role, turn.text) for turn in turns)]
    for role, content in said:
        learned.append((len(text), len(text) + len(_START)))
        text += f"{_START}{role}{_NEWLINE}"
        start = len(text) if role == "assistant" else len(text) + len(content)
        text += f"{content}{_END}{_NEWLINE}"
        learned.append((start, len(text)))
    if turns[-1].role == "user":
        text += f"{_START}assistant{_NEWLINE}"
    return Rendered(text=text, answers=tuple(learned))


def render_chatglm3(turns: Sequence[Turn]) -> Rendered:
    """Write a conversation as ChatGLM3 reads it; each answer is learned, and the marker of the turn that follows it.

    Raises:
        ConfigError: If the turns do not alternate, the user first.

    Example:
        >>> render_chatglm3([Turn(role="user", text="Who?")]).text
        '[gMASK]sop<|user|>Who?<|assistant|>'
    """
    check_turns(turns)
    text, learned = _GLM_START, []
    for index, turn in enumerate(turns):
        text += _GLM_ROLES[turn.role]
        if turn.role == "assistant":
            after = _GLM_ROLES["user"] if index + 1 < len(turns) else _GLM_END
            learned.append((len(text), len(text) + len(turn.text) + len(after)))
        text += turn.text
    text += _GLM_ROLES["assistant"] if turns[-1].role == "user" else _GLM_END
    return Rendered(text=text, answers=tuple(learned))


def render_plain_line(turns: Sequence[Turn]) -> Rendered:
    """Write a caption as VTimeLLM's stage 1 does: the video, a line end that is not learned, caption and line end.

    Raises:
        ConfigError: If the turns do not alternate, the user first.

    Example:
        >>> render_plain_line([Turn(role="user", text="<image> What?"), Turn(role="assistant", text="A tram.")]).text
        '<image>\\nA tram.\\n'
    """
    check_turns(turns)
    text, learned = "", []
    for turn in turns:
        if turn.role == "user":
            text += FRAME_MARK * turn.text.count(FRAME_MARK) + _NEWLINE
        else:
            learned.append((len(text), len(text) + len(turn.text) + len(_NEWLINE)))
            text += turn.text + _NEWLINE
    return Rendered(text=text, answers=tuple(learned))


Render = Callable[[Sequence[Turn]], Rendered]
RENDERERS: dict[str, Render] = {
    "chatml": render_chatml,
    "chatglm3": render_chatglm3,
    "plain_line": render_plain_line,
}
"""Templates that only training knows; a model trained with one is asked with another, mostly its tokenizer's own."""
_MARKERS = {"chatml": _START, "chatglm3": _GLM_ROLES["user"]}


class RenderingProcessor(MovieProcessor):
    """A processor that writes conversations in its own way.

    Args:
        processor: Whose tokenizers it shares.
        config: Of the model, with the template that is nearest.
        write: Writes conversations.
    """

    def __init__(self, processor: MovieProcessor, config: MovieConfig, write: Render) -> None:
        super().__init__(config, processor.tokenizer, processor.guidance_tokenizer)
        self._write = write

    def render(self, turns: Sequence[Turn]) -> Rendered:
        """Write a conversation with the template."""
        return self._write(turns)


def processor_for(processor: MovieProcessor, model_config: MovieConfig, template: str | None) -> MovieProcessor:
    """Return a processor with the same tokenizers that writes in a template.

    Args:
        processor: Of the model.
        model_config: The model's configuration.
        template: Name; the model's own by default.

    Raises:
        ConfigError: If there is no template of that name, or the tokenizer lacks what it is made of.
    """
    name = template or model_config.template
    if name in RENDERERS:
        marker = _MARKERS.get(name)
        if marker and len(processor.tokenizer(marker, add_special_tokens=False)["input_ids"]) != 1:
            raise ConfigError(f"template {name}: {marker} is no token of this model", hint="choose its own template")
        nearest = MODEL_TEMPLATE if marker else "plain"
        return RenderingProcessor(processor, _with_template(model_config, nearest), RENDERERS[name])
    if name != MODEL_TEMPLATE:
        find_template(name)
    config = _with_template(model_config, name)
    return MovieProcessor(config, processor.tokenizer, processor.guidance_tokenizer)


def _with_template(config: MovieConfig, template: str) -> MovieConfig:
    changed: MovieConfig = MovieConfig.from_dict({**config.to_dict(), "template": template})
    return changed
