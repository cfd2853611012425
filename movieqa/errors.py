"""The errors a user can meet. Each says what happened, where, and the way out, in one line."""

from __future__ import annotations


class MovieQAError(Exception):
    """Base of every error the user can do something about; the command line prints it as one line.

    Args:
        message: What happened and where.
        hint: What the user can do about it.

    Example:
        >>> str(VideoError("film.mp4: no video stream", hint="give a film that has pictures"))
        'film.mp4: no video stream; give a film that has pictures'
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.message = message
        self.hint = hint


class ConfigError(MovieQAError):
    """A flag, setting or argument has a value that cannot work."""


class VideoError(MovieQAError):
    """A film file cannot be read."""


class SubtitleError(MovieQAError):
    """A subtitle file or stream cannot be read."""


class WorkspaceError(MovieQAError):
    """A workspace is missing, unfinished, corrupted, busy, or made for something else."""


class CheckpointError(MovieQAError):
    """A model checkpoint is incomplete, misshapen or not what it says it is."""


class ContextOverflowError(MovieQAError):
    """A prompt does not fit into the model's context."""


class TrainingError(MovieQAError):
    """A training run cannot go on: too much bad data, a loss that is no number, a checkpoint of another run."""


class EvaluationError(MovieQAError):
    """Samples, a log or predictions cannot be used as they are."""


class JudgeError(MovieQAError):
    """A judge model cannot be reached, refuses, or answers nonsense.

    Attributes:
        is_final: Whether the next question would fare no better.
    """

    def __init__(self, message: str, *, hint: str = "", is_final: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_final = is_final


class MissingDependencyError(MovieQAError):
    """An optional package or program that this needs is not installed."""
