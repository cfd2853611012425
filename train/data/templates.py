"""The processor that writes conversations in the template that is trained."""

from __future__ import annotations

from movieqa.model import MovieConfig, MovieProcessor
from movieqa.prompt import MODEL_TEMPLATE, find_template


def processor_for(processor: MovieProcessor, model_config: MovieConfig, template: str | None) -> MovieProcessor:
    """Return a processor with the same tokenizers that writes in a template.

    Args:
        processor: Of the model.
        model_config: The model's configuration.
        template: Name; the model's own by default.

    Raises:
        ConfigError: If there is no template of that name.
    """
    name = template or model_config.template
    if name != MODEL_TEMPLATE:
        find_template(name)
    config = MovieConfig.from_dict({**model_config.to_dict(), "template": name})
    return MovieProcessor(config, processor.tokenizer, processor.guidance_tokenizer)
