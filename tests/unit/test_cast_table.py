"""The people of a film on a terminal: who, when, with whom, and what could not be done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from movieqa.cast_table import render_cast
from tests.casts import make_cast
from tests.workspaces import make_shots, make_workspace


def test_the_longest_on_screen_come_first_and_what_is_wrong_last(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(0, 4, 9))
    cast = make_cast(workspace, {"Mara": [0], "Otto": [0, 1]})
    assert render_cast(cast).splitlines() == [
        "  2  Otto  00:00:00.000-00:00:09.000      9.0 s     2 shots  with Mara (4 s)",
        "  1  Mara  00:00:00.000-00:00:04.000      4.0 s     1 shots  with Otto (4 s)",
    ]
    told = replace(cast, unseen=("Zoë",), notes=("edit 3 no longer fits",))
    assert render_cast(told).splitlines()[2:] == [
        "note  Zoë: in the cast folder, but nobody on screen fits",
        "note  edit 3 no longer fits",
    ]
    nobody = replace(told, identities=())
    assert render_cast(nobody).splitlines()[0] == "nobody was found" and len(render_cast(nobody).splitlines()) == 3
