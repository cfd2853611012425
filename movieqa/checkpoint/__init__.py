"""Weights of others, converted strictly and without running anything in their files."""

from movieqa.checkpoint.convert import convert_checkpoint, start_checkpoint
from movieqa.checkpoint.describe import Architecture
from movieqa.checkpoint.films import FilmPickle, FilmReport, read_film_pickle
from movieqa.checkpoint.ida_vlm_release import IdaVlmReport, convert_ida_vlm
from movieqa.checkpoint.sources import SourceKind, kind_of
from movieqa.checkpoint.write import ConversionReport

__all__ = [
    "Architecture",
    "ConversionReport",
    "FilmPickle",
    "FilmReport",
    "IdaVlmReport",
    "SourceKind",
    "convert_checkpoint",
    "convert_ida_vlm",
    "kind_of",
    "read_film_pickle",
    "start_checkpoint",
]
