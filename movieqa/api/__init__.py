"""One function for each verb of the command line; its arguments bear the names of the flags."""

from movieqa.answer import Answer

from .film import export, info, open_workspace, preprocess_movie, report
from .machine import doctor
from .model import convert, plan
from .people import (
    cast_fetch,
    cast_find,
    cast_forget,
    cast_history,
    cast_list,
    cast_merge,
    cast_name,
    cast_not,
    cast_purge,
    cast_split,
    cast_undo,
    find,
)
from .question import ask, chat, seconds
from .training import data_build, synthesize_film_world

__all__ = [
    "Answer",
    "ask",
    "cast_fetch",
    "cast_find",
    "cast_forget",
    "cast_history",
    "cast_list",
    "cast_merge",
    "cast_name",
    "cast_not",
    "cast_purge",
    "cast_split",
    "cast_undo",
    "chat",
    "convert",
    "data_build",
    "doctor",
    "export",
    "find",
    "info",
    "open_workspace",
    "plan",
    "preprocess_movie",
    "report",
    "seconds",
    "synthesize_film_world",
]
