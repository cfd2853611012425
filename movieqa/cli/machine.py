"""Verbs about this machine."""

from __future__ import annotations

import typer

from .options import Debug, Json
from .output import print_json, say

EXIT_PROBLEM = 2


def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Tell what is installed, what is missing and how to get it, and what movieqa will use."""
    from movieqa import api
    from movieqa.doctor import render_diagnosis

    diagnosis = api.doctor()
    print_json(diagnosis.to_dict()) if as_json else say(render_diagnosis(diagnosis))
    if not diagnosis.ok:
        raise typer.Exit(EXIT_PROBLEM)
