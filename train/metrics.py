"""What is told of a run while it runs: a line of JSON a step, TensorBoard and Weights & Biases where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.storage import write_atomic

from .config import LoggingConfig

FILE = "metrics.jsonl"


@dataclass(frozen=True, kw_only=True)
class StepMetrics:
    """One update of the weights, over all processes.

    Attributes:
        step: Its number, from 1.
        epoch: From 0.
        loss: Mean over all learned positions of the step.
        learning_rate: That it was made with.
        gradient_norm: Of all gradients, before clipping.
        tokens: Positions that were read, without padding.
        learned: Positions that were learned.
        seconds: That it took.
        tokens_per_second: Over all processes.
        mfu: Share of the devices' arithmetic that the model needed; None where that is not known.
        memory_gb: Most memory that a device (on a CPU: this process) held so far.
        num_bad: Bad samples so far.
    """

    step: int
    epoch: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    learned: int
    seconds: float
    tokens_per_second: float
    mfu: float | None
    memory_gb: float
    num_bad: int


class MetricsLog:
    """Write what is told; on the first process only.

    Args:
        out: The run's folder.
        config: Where else to write.
        start: Updates that were made before this start; lines of later ones are removed, they will be made again.

    Raises:
        MissingDependencyError: If TensorBoard or Weights & Biases is asked for and not installed.
        ConfigError: If Weights & Biases does not take the run.
    """

    def __init__(self, out: Path, config: LoggingConfig, *, start: int) -> None:
        self._path = out / FILE
        self._every = config.every
        self._writers: list[Callable[[StepMetrics], None]] = []
        self._closers: list[Callable[[], None]] = []
        if config.tensorboard:
            self._add_tensorboard(out, start)
        if config.wandb is not None:
            self._add_wandb(config.wandb, out)
        kept = [line for line in read_metrics(out) if line.step <= start]
        write_atomic(self._path, "".join(_line(metrics) for metrics in kept))

    def write(self, metrics: StepMetrics, *, is_last: bool = False) -> None:
        """Write a step, if it is one of those that are written."""
        if metrics.step % self._every and not is_last:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(metrics))
        for writer in self._writers:
            writer(metrics)

    def close(self) -> None:
        """Flush what is open."""
        for closer in self._closers:
            closer()

    def _add_tensorboard(self, out: Path, start: int) -> None:
        try:
            make = import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as error:
            raise MissingDependencyError(
                "TensorBoard is not installed", hint='pip install "movieqa[tensorboard]", or logging.tensorboard=false'
            ) from error
        board = make(out / "tensorboard", purge_step=start + 1 if start else None)  # these steps come again

        def write(metrics: StepMetrics) -> None:
            for name, value in asdict(metrics).items():
                if value is not None and name != "step":
                    board.add_scalar(name, value, metrics.step)

        self._writers.append(write)
        self._closers.append(board.close)

    def _add_wandb(self, project: str, out: Path) -> None:
        try:
            wandb = import_module("wandb")
        except ImportError as error:
            raise MissingDependencyError(
                "Weights & Biases is not installed", hint='pip install "movieqa[wandb]", or logging.wandb=none'
            ) from error
        try:
            run = wandb.init(project=project, name=out.resolve().name, dir=str(out))
        except wandb.Error as error:
            raise ConfigError(
                f"Weights & Biases does not take the run ({next(iter(str(error).splitlines()), '')})",
                hint="wandb login, or WANDB_MODE=offline, or logging.wandb=none",
            ) from error
        self._writers.append(lambda metrics: run.log(asdict(metrics), step=metrics.step))
        self._closers.append(run.finish)


def read_metrics(out: Path) -> list[StepMetrics]:
    """Return all steps that a run has told of; a line that a kill left half written is left out.

    Example:
        >>> read_metrics(Path("no run"))
        []
    """
    try:
        lines = (out / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    metrics = []
    for line in lines:
        try:
            metrics.append(StepMetrics(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return metrics


def _line(metrics: StepMetrics) -> str:
    return json.dumps(asdict(metrics)) + "\n"
