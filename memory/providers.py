"""Chooses the provider a person asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from movieqa.errors import ConfigError

from .model_files import SFACE, YUNET, OnBytes, default_folder, fetch_model
from .provider import Provider

ProviderName = Literal["classical", "sface", "onnx", "model"]
PROVIDERS: tuple[ProviderName, ...] = ("classical", "sface", "onnx", "model")


@dataclass(frozen=True, kw_only=True)
class ProviderConfig:
    """Which provider, and its files."""

    name: ProviderName = "classical"
    detector: Path | None = None
    """The detector's ONNX file: YuNet for `sface` (fetched or given) and `model` (if given), SCRFD for `onnx`."""
    recogniser: Path | None = None
    """The recogniser's ONNX file: SFace for `sface` (fetched or given), ArcFace or the like for `onnx`."""
    licence: str = ""
    """Of the `onnx` files; kept with the result."""

    def __post_init__(self) -> None:
        """Check what belongs together."""
        if self.name not in PROVIDERS:
            raise ConfigError(f"no provider {self.name!r}", hint=f"choose {', '.join(PROVIDERS)}")
        if self.name == "model" and self.recogniser is not None:
            raise ConfigError("the model provider recognises with its model", hint="give it no recogniser file")
        if self.name != "model" and (self.detector is None) != (self.recogniser is None):
            raise ConfigError("a detector and a recogniser belong together", hint="give both files or none")
        if self.name == "classical" and self.detector is not None:
            raise ConfigError("the classical provider takes no model files", hint="choose sface or onnx")


def load_provider(config: ProviderConfig, *, make_model: Callable[[], Provider] | None = None) -> Provider:
    """Load a provider.

    Args:
        config: Which one.
        make_model: Makes the provider of a checkpoint, for `model`.

    Raises:
        ConfigError: Something is not given, or a file cannot be read.
        MissingDependencyError: A package or a model file is not there.
    """
    match config.name:
        case "classical":
            from .classical import ClassicalProvider

            return ClassicalProvider()
        case "sface":
            from .sface import SFaceProvider

            if config.detector is None or config.recogniser is None:
                return SFaceProvider.from_folder()
            return SFaceProvider(config.detector, config.recogniser)
        case "onnx":
            from .onnx_faces import OnnxConfig, OnnxProvider

            if config.detector is None or config.recogniser is None:
                raise ConfigError("the onnx provider needs files", hint="give a detector and a recogniser")
            return OnnxProvider(
                OnnxConfig(detector=config.detector, recogniser=config.recogniser, licence=config.licence)
            )
        case "model":
            if make_model is None:
                raise ConfigError(
                    "the model provider needs a model", hint="name one with --model, or choose another provider"
                )
            return make_model()


def fetch_sface(folder: Path | None = None, *, on_bytes: OnBytes | None = None) -> Path:
    """Fetch YuNet and SFace over the network, on request only, checked against pinned digests.

    Returns:
        The folder they lie in.

    Raises:
        MissingDependencyError: They cannot be fetched.
    """
    for file in (YUNET, SFACE):
        fetch_model(file, folder, on_bytes=on_bytes)
    return folder or default_folder()
