"""Remembers which person has which number, by moments and places: so numbers outlive re-processing and crashes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from movieqa.errors import WorkspaceError
from movieqa.storage import digest_json, read_bounded, write_atomic

from .anchors import Anchor, AnchorFinder
from .ids import NOBODY, IdBook

FILE_NAME = "ledger.json"

_MAX_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All numbers ever given in a workspace."""

    book: IdBook = field(default_factory=IdBook)
    anchors: Mapping[int, tuple[Anchor, ...]] = field(default_factory=dict)
    """One face of every tracklet, by the id it had."""

    def earlier_ids(self, finder: AnchorFinder, num_tracklets: int) -> NDArray[np.int64]:
        """Return for each tracklet the id that most of the faces it shows had before; -1 for none."""
        votes: dict[int, Counter[int]] = {}
        for id_, anchors in self.anchors.items():
            for anchor in anchors:
                tracklet = finder.find(anchor)
                if tracklet is not None:
                    votes.setdefault(tracklet, Counter())[id_] += 1
        ids = np.full(num_tracklets, NOBODY, np.int64)
        for tracklet, counts in votes.items():
            ids[tracklet] = min(counts, key=lambda id_: (-counts[id_], id_))
        return ids


def read_ledger(folder: Path) -> Ledger:
    """Read the ledger of a `people` folder; a new one where there is none.

    Raises:
        WorkspaceError: It is damaged.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(read_bounded(path, limit=_MAX_BYTES))
        told = content.pop("digest")
        if told != digest_json(content):
            raise ValueError("its content changed")
        book = IdBook(next=int(content["next"]), aliases={int(old): int(new) for old, new in content["aliases"]})
        anchors = {int(id_): tuple(map(Anchor.from_json, faces)) for id_, faces in content["people"].items()}
    except FileNotFoundError:
        return Ledger()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WorkspaceError(
            f"{path}: damaged ({error})", hint="remove it; the people get new numbers when they are found again"
        ) from None
    return Ledger(book=book, anchors=anchors)


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Write the ledger, atomically."""
    content = {
        "next": ledger.book.next,
        "aliases": [list(pair) for pair in sorted(ledger.book.aliases.items())],
        "people": {str(id_): [face.to_json() for face in faces] for id_, faces in sorted(ledger.anchors.items())},
    }
    folder.mkdir(exist_ok=True)
    write_atomic(
        folder / FILE_NAME,
        json.dumps({**content, "digest": digest_json(content)}, sort_keys=True, separators=(",", ":")) + "\n",
    )
