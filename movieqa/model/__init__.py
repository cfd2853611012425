"""The model: LLaMA-VID on transformers' parts. Importing this loads torch; importing `movieqa` does not."""

from movieqa.model.config import MovieConfig
from movieqa.model.modeling import MovieModel
from movieqa.model.tokens import Media

__all__ = ["Media", "MovieConfig", "MovieModel"]
