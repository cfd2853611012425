"""Writes the people of a film in formats other programs read: never embeddings, only who is on screen when."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from typing import Literal, get_args

from movieqa.errors import ConfigError
from movieqa.identity import Cast
from movieqa.plain_text import plain_cell
from movieqa.times import format_time

PeopleFormat = Literal["csv", "json", "vtt"]

COLUMNS = ("id", "label", "name", "possibly", "start", "end", "shot")


def export_people(cast: Cast, format_: PeopleFormat) -> str:
    """Return who is on screen when, as text.

    Args:
        cast: The film's people.
        format_: `csv`, one row for each appearance, shots counted from 1 as in the table of shots; `json`, one object a
            person, shots by index as in answers; `vtt`, a WebVTT metadata track whose cues say who is on screen, for a
            player to show.

    Raises:
        ConfigError: Unknown format.
    """
    match format_:
        case "csv":
            return _csv(cast)
        case "json":
            return _json(cast)
        case "vtt":
            return _vtt(cast)
    raise ConfigError(f"no format {format_!r}", hint=f"choose {', '.join(get_args(PeopleFormat))}")


def _csv(cast: Cast) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [
        (track.start, one.id, one, track)
        for one in cast.identities
        for track in (cast.tracklets[i] for i in one.tracklets)
    ]
    for _, _, one, track in sorted(rows, key=lambda row: row[:2]):
        times = (f"{value:.3f}" for value in (track.start, track.end))
        called = (plain_cell(text or "") for text in (one.label, one.name, one.possibly))
        writer.writerow([one.id, *called, *times, track.shot + 1])
    return text.getvalue()


def _json(cast: Cast) -> str:
    people = [
        {
            "id": one.id,
            "label": one.label,
            "name": one.name,
            "named_by": one.name_source,
            "possibly": one.possibly,
            "first": round(one.first, 3),
            "last": round(one.last, 3),
            "screen_time": round(one.screen_time, 3),
            "spans": [[round(span.start, 3), round(span.end, 3)] for span in one.spans],
            "shots": list(one.shots),
            "with": [
                {"id": other.identity.id, "label": other.identity.label, "seconds": round(other.seconds, 3)}
                for other in cast.together(one)
            ],
        }
        for one in cast.identities
    ]
    content = {"provider": cast.provider, "abilities": cast.abilities, "people": people, "notes": list(cast.notes)}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _vtt(cast: Cast) -> str:
    """Write a cue for each stretch in which the same people are on screen, with their places at its start as JSON."""
    moments = sorted({time for one in cast.identities for span in one.spans for time in (span.start, span.end)})
    cues = ["WEBVTT\n"]
    for start, end in pairwise(moments):
        if round(end, 3) <= round(start, 3):
            continue
        middle = (start + end) / 2
        here = cast.on_screen(middle)
        if not here:
            continue
        people = [{"id": one.id, "label": one.label} for one in here]
        payload = json.dumps({"people": people}, ensure_ascii=False).replace("-->", "--\\u003e")
        cues.append(f"{format_time(start)} --> {format_time(end)}\n{payload}\n")
    return "\n".join(cues)
