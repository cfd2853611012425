"""Makes small films and questions about them for the tests of batch evaluation: real workspaces, soon written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from movieqa.eval.sample import Moment, Sample
from tests.workspaces import make_shots, make_subtitles, make_workspace

_OBJECTS = ("key", "lamp", "letter", "coat", "rope", "clock", "knife", "ring", "map", "bell")
_PLACES = ("boathouse", "kitchen", "cellar", "garden", "station", "attic", "harbour", "library", "tower", "barn")
_PEOPLE = ("Anna", "Otto", "Mara", "Tom")


def make_films(folder: Path, number: int = 10) -> list[str]:
    """Write workspaces `film0.movieqa` and so on; return the films' names. Each is two seconds a shot longer."""
    names = []
    for film in range(number):
        name = f"film{film}"
        lines = [
            (2.0 * line + 0.25, 2.0 * line + 1.5, f"{_PEOPLE[line % 4]}> The {thing} is in the {place(film, line)}.")
            for line, thing in enumerate(_OBJECTS[: 3 + film % 4])
        ]
        make_workspace(
            folder,
            name=f"{name}.mp4",
            shots=make_shots(*range(0, 2 * len(lines) + 2, 2)),
            subtitles=make_subtitles(*lines),
            num_frames=4,
        )
        names.append(name)
    return names


def place(film: int, line: int) -> str:
    """Return where a film's line says that its object is."""
    return _PLACES[(film + 3 * line) % len(_PLACES)]


def make_samples(films: Sequence[str], number: int = 200) -> tuple[Sample, ...]:
    """Write questions, films taking turns: choices, open ones, and every seventh with an `until`."""
    samples = []
    for index in range(number):
        film = index % len(films)
        line = index // len(films) % (3 + film % 4)
        right = place(film, line)
        common = {"film": films[film], "question": f"Where is the {_OBJECTS[line]}?"}
        tags = (f"kind:{'choice' if index % 2 else 'open'}", f"object:{_OBJECTS[line]}")
        until = 2.0 * line + 1.75 if index % 7 == 0 else None
        spans = (Moment(start=2.0 * line, end=2.0 * line + 2),)
        if index % 2:
            options = (right, "moon")
            one = Sample(
                id=f"q{index:03d}", **common, task="choice", options=options, answer="A", spans=spans, tags=tags
            )
        else:
            one = Sample(id=f"q{index:03d}", **common, answer=right, spans=spans, tags=tags, until=until)
        samples.append(one)
    return tuple(samples)


def write_samples(path: Path, samples: Sequence[Sample]) -> Path:
    """Write samples as our JSON lines."""
    lines = []
    for sample in samples:
        row = {"id": sample.id, "film": sample.film, "question": sample.question, "answer": sample.answer}
        row |= {"options": list(sample.options)} if sample.options else {}
        row |= {"until": sample.until} if sample.until is not None else {}
        row |= {"spans": [[span.start, span.end] for span in sample.spans], "tags": list(sample.tags)}
        lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path
