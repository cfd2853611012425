"""Makes casts for tests: who is in which shot, without pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from movieqa.identity import Appearance, AppearanceTable, Box, Cast, Identity, Tracklet, spans_of
from movieqa.workspace import Workspace


def make_cast(workspace: Workspace, people: Mapping[str, Sequence[int]], *, quality: float = 0.9) -> Cast:
    """Make a cast of people who are on screen all through their shots.

    Args:
        workspace: The film.
        people: Shots by name; a name of the form `?` and anything is nobody's yet. Ids count from 1.
        quality: Of every face.
    """
    times = workspace.frames.times
    starts = np.array([shot.start for shot in workspace.shots])
    shot_of_frame = np.maximum(0, np.searchsorted(starts, times, side="right") - 1)
    rows, tracklets, identities = [], [], []
    for number, (name, shots) in enumerate(people.items()):
        own = []
        left = number / (len(people) + 1)
        box = Box(left=left, top=0.25, right=min(1.0, left + 0.2), bottom=0.75)
        for shot in shots:
            frames = np.flatnonzero(shot_of_frame == shot)
            index = len(tracklets)
            rows += [(int(frame), index, box) for frame in frames]
            best = Appearance(
                frame=int(frames[0]), time=float(times[frames[0]]), box=box, score=1, quality=quality, tracklet=index
            )
            tracklets.append(
                Tracklet(
                    index=index,
                    shot=shot,
                    start=workspace.shots[shot].start,
                    end=workspace.shots[shot].end,
                    num_frames=len(frames),
                    quality=quality,
                    best=best,
                )
            )
            own.append(tracklets[-1])
        is_named = not name.startswith("?")
        identities.append(
            Identity(
                id=number + 1,
                name=name if is_named else None,
                name_source="user" if is_named else None,
                possibly=None,
                score=None,
                tracklets=tuple(track.index for track in own),
                spans=spans_of(own),
                shots=tuple(shots),
                thumbnail=None,
            )
        )
    rows.sort(key=lambda row: (row[0], row[1]))
    table = AppearanceTable(
        frames=np.array([row[0] for row in rows], np.int32),
        tracklets=np.array([row[1] for row in rows], np.int32),
        boxes=np.array([[row[2].left, row[2].top, row[2].right, row[2].bottom] for row in rows], np.float32).reshape(
            -1, 4
        ),
        scores=np.ones(len(rows), np.float32),
        qualities=np.full(len(rows), quality, np.float32),
    )
    return Cast(
        provider="classical",
        abilities="none",
        identities=tuple(identities),
        tracklets=tuple(tracklets),
        aliases={},
        unseen=(),
        notes=(),
        table=table,
        times=times,
    )
