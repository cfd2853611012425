"""Opens the films of an evaluation: finds them, preprocesses what is missing, and keeps the model open between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from movieqa.answerers import AnswererConfig
from movieqa.errors import ConfigError, WorkspaceError
from movieqa.people_files import has_cast
from movieqa.workspace import Workspace

if TYPE_CHECKING:
    from movieqa.engine import Answerer
    from movieqa.eval.blind import Blind
    from movieqa.eval.films import FilmPlace
    from movieqa.eval.jobs import OpenFilm
    from movieqa.features import FeatureKind
    from movieqa.loaded import LoadedModel
    from movieqa.memory.providers import ProviderName


@dataclass(frozen=True, kw_only=True)
class FilmShelf:
    """A folder of films and what answers about them; it travels to other machines, where it opens the model itself.

    Attributes:
        films: Where the samples' films are.
        workspaces: Where their workspaces are, or are made.
        answers: What answers, and how.
        batch: Questions answered side by side, where the guidance allows it.
        blind: Whether the film is kept from the model: `text` asks without anything of it, `subtitles` with its lines.
        fps: Frames sampled a second, of films that have no workspace yet.
        max_frames: At most so many, spread evenly.
        people: What finds people in films where nobody has looked; a folder `cast` beside the film names them.
        features_kind: How features are stored.
    """

    films: Path
    workspaces: Path
    answers: AnswererConfig
    batch: int
    blind: Blind | None = None
    fps: float = 1.0
    max_frames: int | None = None
    people: ProviderName | None = None
    features_kind: FeatureKind = "float16"

    @property
    def features(self) -> str | None:
        """Name of the model whose features are used; None for none."""
        if self.answers.model is None or self.blind is not None:
            return None
        return self._loaded.name

    def open(self, film: str, subtitles: str | None) -> OpenFilm:
        """Open a film, making its workspace and a model's features where they are missing.

        What is there is used as it is: a finished workspace is not made again because other settings are given now.

        Args:
            film: Its name, as samples give it.
            subtitles: A subtitle file, as a path below the folder of films.

        Raises:
            MovieQAError: It is not there, or a step fails.
        """
        from movieqa.eval.films import find_film
        from movieqa.eval.jobs import FilmDesk, OpenFilm

        if self.blind == "text":
            from movieqa.eval.blind import BlindAnswerer

            answerer = BlindAnswerer(self._loaded, answer_tokens=self._tokens)
            return OpenFilm(desk=FilmDesk(answerer=answerer))
        place = find_film(film, films=self.films, workspaces=self.workspaces)
        workspace = self._with_people(self._workspace(place, subtitles), place)
        if self.answers.model is None:
            from movieqa.engine import ExtractiveAnswerer
            from movieqa.eval.choosing import EvidenceDesk

            quoting = ExtractiveAnswerer(workspace, max_spans=self.answers.max_spans)
            return OpenFilm(desk=EvidenceDesk(answerer=quoting), workspace=workspace)
        workspace, one = self._answerer(workspace)
        return OpenFilm(desk=FilmDesk(answerer=one), workspace=workspace)

    def open_pictures(self) -> OpenFilm:
        """Open what answers about pictures that belong to no film.

        Raises:
            ConfigError: There is no model, or it shall not see them.
        """
        from movieqa.eval.jobs import FilmDesk, OpenFilm

        if self.answers.model is None:
            raise ConfigError("only a model answers about pictures", hint="name one with --model")
        if self.blind is not None:
            from movieqa.eval.blind import BlindAnswerer

            return OpenFilm(desk=FilmDesk(answerer=BlindAnswerer(self._loaded, answer_tokens=self._tokens)))
        from movieqa.decoding import Decoding
        from movieqa.eval.picture_desk import PictureDesk
        from movieqa.pictures import PictureAnswerer

        one = PictureAnswerer(self._loaded, Decoding(max_new_tokens=self._tokens), batch_size=self.batch)
        return OpenFilm(desk=PictureDesk(one, self.films))

    @property
    def _tokens(self) -> int:
        return self.answers.answer_tokens

    @cached_property
    def _loaded(self) -> LoadedModel:
        from movieqa.loaded import open_model

        assert self.answers.model is not None
        return open_model(self.answers.model, device=self.answers.device, quantisation=self.answers.quantisation)

    def _answerer(self, workspace: Workspace) -> tuple[Workspace, Answerer]:
        from movieqa.eval.answerers import make_answerer

        if self.blind is not None:
            from movieqa.eval.blind import BlindAnswerer

            return workspace, BlindAnswerer(self._loaded, workspace, answer_tokens=self._tokens)
        from movieqa.features import FrameFeatures
        from movieqa.preprocess.features import FeaturesConfig, add_features

        try:
            FrameFeatures.open(workspace, self._loaded.name, tower=self._loaded.tower)
        except WorkspaceError:  # none, or stale: made now, and what is wrong beside that is told by the making
            workspace = add_features(workspace, self._loaded, FeaturesConfig(kind=self.features_kind))
        return workspace, make_answerer(workspace, self.answers, loaded=self._loaded, batch=self.batch)

    def _with_people(self, workspace: Workspace, place: FilmPlace) -> Workspace:
        if self.people is None or has_cast(workspace):
            return workspace
        from .people import cast_find

        cast = (place.film or workspace.path).parent / "cast"
        cast_find(workspace, provider=self.people, cast=cast if cast.is_dir() else None)
        return Workspace.open(workspace.path)

    def _workspace(self, place: FilmPlace, subtitles: str | None) -> Workspace:
        try:
            return Workspace.open(place.workspace)
        except WorkspaceError:
            if place.film is None:
                raise
        from movieqa.preprocess.pipeline import PreprocessConfig, build_workspace
        from movieqa.preprocess.progress import Silence
        from movieqa.preprocess.scan import ScanConfig
        from movieqa.preprocess.subtitles import SubtitleConfig

        config = PreprocessConfig(
            scan=ScanConfig(fps=self.fps, max_frames=self.max_frames),
            subtitles=SubtitleConfig(files=() if subtitles is None else (self.films / subtitles,)),
        )
        place.workspace.parent.mkdir(parents=True, exist_ok=True)
        return build_workspace(place.film, place.workspace, config, progress=Silence())
