"""The identities of one film as the ID-Former remembers them, and the frames that the memory places them in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from movieqa.errors import ConfigError
from movieqa.frames import open_frames
from movieqa.identity import Appearance, Box, Cast, Identity, shown_before
from movieqa.loaded import LoadedModel
from movieqa.model.conditioning import Conditioning
from movieqa.workspace import Workspace

from .id_former_film import FilmIdFormer, check_width

_MARGIN = 0.5  # of a face's size that its picture shows around it: hair and shoulders tell people apart too


@dataclass(frozen=True, kw_only=True)
class FilmIdentitiesConfig:
    """How many identities and pictures are taken.

    Attributes:
        most_identities: Those longest on screen; the others are not remembered.
        most_references: Pictures of each, the clearest ones, from different tracklets where there are several.
        batch_size: Pictures that go through the vision tower at once.
    """

    most_identities: int = 64
    most_references: int = 4
    batch_size: int = 16

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: If one cannot work.
        """
        if min(self.most_identities, self.most_references, self.batch_size) < 1:
            raise ConfigError("identities, references and batch_size must be at least 1")


class FilmIdentities:
    """Conditions the frames of one film on the people in them; fits `FilmSession(..., conditioner=...)`.

    A frame is read with those people in mind that the cast places in its shot. Names play no part here: a person who
    is renamed stays the same person, and nothing is computed again.

    Args:
        former: The ID-Former, trained with this model.
        loaded: The model, whose vision tower looks at the pictures of people.
        workspace: The film.
        cast: Who is in it.
        config: How many people and pictures are taken.

    Raises:
        ConfigError: If the ID-Former is made for another width than the model's vision tower.

    Example:
        >>> people = FilmIdentities(FilmIdFormer.load("id-former"), loaded, workspace, cast)  # doctest: +SKIP
        >>> session = FilmSession(workspace, loaded, conditioner=people)  # doctest: +SKIP
    """

    def __init__(
        self,
        former: FilmIdFormer,
        loaded: LoadedModel,
        workspace: Workspace,
        cast: Cast,
        config: FilmIdentitiesConfig | None = None,
    ) -> None:
        check_width(former, loaded.model.config.vision.hidden_size, loaded.name)
        self._former = former
        self._loaded = loaded
        self._workspace = workspace
        self._cast = cast
        self._config = config or FilmIdentitiesConfig()
        self._known: tuple[float | None, Conditioning | None] | None = None

    def conditioning(self, until: float | None) -> Conditioning | None:
        """Return who is in which sampled frame; None when nobody is on screen before `until`, in seconds.

        Raises:
            WorkspaceError: If the proxy is damaged.
        """
        if self._known is None or self._known[0] != until:  # only the last one is kept, as a session does
            self._known = (until, self._make(math.inf if until is None else until))
        return self._known[1]

    def memory(self, people: Sequence[int], until: float | None) -> Float[Tensor, "K Q C"]:
        """Return what is remembered of people, by id, of what is shown before `until`, in seconds.

        Raises:
            ConfigError: If somebody is not known or not on screen by then.
            WorkspaceError: If the proxy is damaged.
        """
        references = []
        for id_ in people:
            one = self._cast.get(id_)
            limit = math.inf if until is None else until
            own = choose_references(self._cast, one, limit, self._config.most_references) if one is not None else ()
            if not own:
                raise ConfigError(f"person {id_} is not on screen by then")
            references.append(own)
        return self._remember(references)

    def _make(self, until: float) -> Conditioning | None:
        references = {
            one: faces
            for one in longest_on_screen(self._cast, until, self._config.most_identities)
            if (faces := choose_references(self._cast, one, until, self._config.most_references))
        }
        if not references:
            return None
        return Conditioning(
            modulate=self._former,
            memory=self._remember(list(references.values())),
            present=torch.from_numpy(place_identities(self._cast, list(references), self._workspace, until)),
        )

    @torch.no_grad()
    def _remember(self, references: Sequence[Sequence[Appearance]]) -> Float[Tensor, "K Q C"]:
        """Cut the references out of the proxy and let the ID-Former read them."""
        wanted = [appearance for own in references for appearance in own]
        model, size, patches = self._loaded.model, self._config.batch_size, []
        with open_frames(self._workspace) as frames:
            for start in range(0, len(wanted), size):
                some = wanted[start : start + size]
                pictures = frames.read([appearance.frame for appearance in some])
                crops = [crop(picture, one.box) for picture, one in zip(pictures, some, strict=True)]
                patches.append(model.encode_frames(self._loaded.processor.preprocess(crops))[:, 1:])
        return self._former.remember(torch.split(torch.cat(patches), [len(own) for own in references]))


def longest_on_screen(cast: Cast, until: float, most: int) -> tuple[Identity, ...]:
    """Return the people shown before `until`, at most so many, by id."""
    seconds = {one: sum(span.seconds for span in shown_before(one.spans, until)) for one in cast.identities}
    seen = sorted((one for one in seconds if seconds[one]), key=lambda one: (-seconds[one], one.id))
    return tuple(sorted(seen[:most], key=lambda one: one.id))


def choose_references(cast: Cast, identity: Identity, until: float, most: int) -> tuple[Appearance, ...]:
    """Return the clearest faces of a person shown before `until`, of different tracklets where there are several."""
    shown = [one for one in cast.appearances(identity) if one.time < until]
    shown.sort(key=lambda one: (-one.quality, one.frame))
    best: dict[int, Appearance] = {}
    for one in shown:
        best.setdefault(one.tracklet, one)
    rest = [one for one in shown if best[one.tracklet] is not one]
    return tuple([*best.values(), *rest][:most])


def place_identities(
    cast: Cast, identities: Sequence[Identity], workspace: Workspace, until: float
) -> NDArray[np.bool_]:
    """Return who is in which sampled frame, Bool[T, K]: in every frame of a shot that shows them before `until`."""
    starts = np.array([shot.start for shot in workspace.shots])
    shots = np.maximum(0, np.searchsorted(starts, workspace.frames.times, side="right") - 1)
    present = np.zeros((len(shots), len(identities)), dtype=np.bool_)
    for column, identity in enumerate(identities):
        own = [cast.tracklets[index] for index in identity.tracklets]
        present[:, column] = np.isin(shots, [track.shot for track in own if track.start < until])
    return present


def crop(picture: NDArray[np.uint8], box: Box) -> Image.Image:
    """Cut a square around a box, wider than it up to the picture's longer side; beyond the border it is black."""
    height, width = picture.shape[:2]
    side = max((box.right - box.left) * width, (box.bottom - box.top) * height) * (1 + _MARGIN)
    side = min(side, max(width, height))
    middle = ((box.left + box.right) / 2 * width, (box.top + box.bottom) / 2 * height)
    left, top = (round(centre - side / 2) for centre in middle)
    return Image.fromarray(picture).crop((left, top, left + max(1, round(side)), top + max(1, round(side))))
