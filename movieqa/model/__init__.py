"""The model: LLaMA-VID on transformers' parts. Importing this loads torch; importing `movieqa` does not."""

from movieqa.accelerator import choose_accelerator
from movieqa.model.cache import CacheSettings
from movieqa.model.conditioning import Conditioning
from movieqa.model.config import MovieConfig
from movieqa.model.loading import load_model
from movieqa.model.memory import MemoryEstimate, estimate_memory
from movieqa.model.modeling import MovieModel
from movieqa.model.processor import MovieProcessor
from movieqa.model.tokens import Media

choose_accelerator()

__all__ = [
    "CacheSettings",
    "Conditioning",
    "Media",
    "MemoryEstimate",
    "MovieConfig",
    "MovieModel",
    "MovieProcessor",
    "estimate_memory",
    "load_model",
]
