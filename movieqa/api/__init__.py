"""One function for each verb of the command line; its arguments bear the names of the flags."""

from movieqa.answer import Answer

from .evaluation import benchmarks, evaluate
from .film import export, info, open_workspace, preprocess_movie, report
from .judging import JudgedComparison, judge_pairs, score_judged, write_lmms_task
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
    cast_similar,
    cast_split,
    cast_undo,
    find,
)
from .question import ask, chat, seconds
from .scoring import compare, eval_report, score, score_vtimellm
from .train import plan_training, train_model
from .training import data_build, synthesize_film_world
from .training_data import data_build_boundary, data_build_identity, data_check

__all__ = [
    "Answer",
    "JudgedComparison",
    "ask",
    "benchmarks",
    "cast_fetch",
    "cast_find",
    "cast_forget",
    "cast_history",
    "cast_list",
    "cast_merge",
    "cast_name",
    "cast_not",
    "cast_purge",
    "cast_similar",
    "cast_split",
    "cast_undo",
    "chat",
    "compare",
    "convert",
    "data_build",
    "data_build_boundary",
    "data_build_identity",
    "data_check",
    "doctor",
    "eval_report",
    "evaluate",
    "export",
    "find",
    "info",
    "judge_pairs",
    "open_workspace",
    "plan",
    "plan_training",
    "preprocess_movie",
    "report",
    "score",
    "score_judged",
    "score_vtimellm",
    "seconds",
    "synthesize_film_world",
    "train_model",
    "write_lmms_task",
]
