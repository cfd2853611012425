"""What kind of thing is to be converted: told by what files hold, never by what they are called."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Literal

from movieqa.checkpoint.ida_vlm import VISUAL
from movieqa.checkpoint.names import join_names
from movieqa.checkpoint.weights import STAGE_1_FILE, open_file, open_folder
from movieqa.errors import CheckpointError

SourceKind = Literal["llama-vid", "ida-vlm", "film", "language-model"]

_LLAMA_VID = ("model.vlm_att_", "model.mm_projector", "model.vision_tower.")
_LONG_NUMBER = b"\x8a"  # a torch file of the old kind begins with its magic number, a film's pickle with a dictionary


def kind_of(source: str | Path) -> SourceKind:
    """Return what a published file or folder holds.

    Args:
        source: A release's folder, one file of weights, or a film's pickle of features.

    Raises:
        CheckpointError: There is nothing there, it is damaged or would run code, or it is a part without its whole.

    Example:
        >>> kind_of("llama-vid-7b-full-224-long-video")  # doctest: +SKIP
        'llama-vid'
    """
    path = Path(source)
    if not path.exists():
        raise CheckpointError(f"{path} does not exist", hint="give a release's folder, or a film's .pkl of features")
    if path.is_file() and _is_plain_pickle(path):
        return "film"
    if (path / STAGE_1_FILE).is_file():
        return "llama-vid"
    weights = open_file(path) if path.is_file() else open_folder(path)
    if any(name.startswith(VISUAL) for name in weights):
        return "ida-vlm"
    if path.is_file():
        raise CheckpointError(
            f"{path} is one file of weights ({join_names(list(weights)[:3])}, ...)",
            hint="give a folder; LAVIS files go with it as --vision-tower and --text-decoder",
        )
    return "llama-vid" if any(name.startswith(_LLAMA_VID) for name in weights) else "language-model"


def _is_plain_pickle(path: Path) -> bool:
    """Say whether a file is a pickle, and none of the two kinds that torch writes."""
    try:
        with path.open("rb") as file:
            head = file.read(3)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error})") from error
    return head[:1] == pickle.PROTO and head[2:3] != _LONG_NUMBER and not zipfile.is_zipfile(path)
