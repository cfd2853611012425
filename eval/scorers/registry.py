"""The scorers by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Protocol

from movieqa.errors import ConfigError
from movieqa.eval.score import Scorer

from .box import BoxOverlap
from .captioning import Captioning
from .choice import Choice
from .cinepile import CinePile
from .egoschema import EgoSchema
from .exact import Exact
from .grounding import Grounding
from .identity import Identity
from .longvideobench import LongVideoBench
from .lvbench import LVBench
from .matching import Matching
from .mf2 import MF2
from .mlvu import MLVU
from .qvhighlights import QVHighlights
from .scienceqa import ScienceQA
from .soda import Soda
from .token_f1 import TokenF1
from .videomme_v2 import VideoMMEv2
from .vqa import VQA
from .yes_no import YesNo


class _Maker(Protocol):
    """Makes a scorer, ours or the original script's."""

    def __call__(self, *, is_reference_compatible: bool = False) -> Scorer:
        """Make it."""
        ...


SCORERS: Mapping[str, _Maker] = {
    "choice": Choice,
    "exact": Exact,
    "token_f1": TokenF1,
    "grounding": Grounding,
    "soda": Soda,
    "captioning": Captioning,
    "box": BoxOverlap,
    "matching": Matching,
    "yes_no": YesNo,
    "vqa": VQA,
    "scienceqa": ScienceQA,
    "videomme_v2": VideoMMEv2,
    "mlvu": MLVU,
    "cinepile": CinePile,
    "longvideobench": LongVideoBench,
    "lvbench": LVBench,
    "mf2": MF2,
    "egoschema": EgoSchema,
    "qvhighlights": QVHighlights,
    "identity": Identity,
}
"""All that need no judge."""


def make_scorer(name: str, *, is_reference_compatible: bool = False) -> Scorer:
    """Make a scorer by its name.

    Args:
        name: One of `SCORERS`.
        is_reference_compatible: Give the original script's numbers, its known errors included; see docs/evaluation.md.

    Raises:
        ConfigError: There is no such scorer.

    Example:
        >>> make_scorer("choice").name
        'choice'
    """
    if name not in SCORERS:
        near = difflib.get_close_matches(name, SCORERS, n=1)
        raise ConfigError(
            f"no scorer {name!r}", hint=f"is {near[0]} meant?" if near else f"there are {', '.join(SCORERS)}"
        )
    return SCORERS[name](is_reference_compatible=is_reference_compatible)
