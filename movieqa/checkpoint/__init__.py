"""Weights of others, converted strictly and without running anything in their files."""

from movieqa.checkpoint.convert import convert_checkpoint, start_checkpoint
from movieqa.checkpoint.describe import Architecture
from movieqa.checkpoint.films import FilmPickle, convert_film_features, read_film_pickle
from movieqa.checkpoint.write import ConversionReport

__all__ = [
    "Architecture",
    "ConversionReport",
    "FilmPickle",
    "convert_checkpoint",
    "convert_film_features",
    "read_film_pickle",
    "start_checkpoint",
]
