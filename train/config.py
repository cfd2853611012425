"""What a training run is: one typed record, written beside its checkpoints and read again to resume it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from movieqa.errors import ConfigError
from movieqa.storage import digest_json

from .data.config import DataConfig
from .fields import build

Part = Literal[
    "language_model",
    "content_projector",
    "context_attention",
    "text_decoder",
    "id_former",
    "person_slots",
    "identity_tokens",
]
PARTS: tuple[Part, ...] = get_args(Part)
"""What can be trained of a model; the vision tower never is.

`text_decoder` includes its queries and its norm. `person_slots` gives the model the tokens of slots where it has none,
and trains their rows where the language model is not trained whole. `identity_tokens` brings what the ID-Former
remembers of a person to the language model, beside their slot.
"""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The model that is trained.

    Attributes:
        folder: A model's folder or hub name.
        trains: Parts of which every weight is trained; LoRA comes on top of them.
        id_former: Folder of an ID-Former; by default the model's own, and where it has none a new one is trained.
        identity_tokens: Folder of what makes identity tokens; the same holds for it.
    """

    folder: str = ""
    trains: tuple[Part, ...] = ()
    id_former: str | None = None
    identity_tokens: str | None = None


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """AdamW.

    Attributes:
        lr: Highest learning rate.
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
        eps: Keeps the division finite.
        weight_decay: Of matrices; vectors (norms, biases) have none.
        clip: Largest norm of all gradients together.
        implementation: `torch` compiles nothing; `deepspeed` is faster with offload and needs a C++ compiler.
    """

    lr: float = 2e-5
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip: float = 1.0
    implementation: Literal["torch", "deepspeed"] = "torch"


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, and how fast when.

    Attributes:
        kind: Shape of the learning rate after warm-up.
        warmup_ratio: Share of all steps during which it rises from zero.
        epochs: Times that every sample is seen.
        max_steps: Ends the run earlier.
        samples_per_step: Samples between two updates of the weights, over all processes.
    """

    kind: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup_ratio: float = 0.03
    epochs: float = 1.0
    max_steps: int | None = None
    samples_per_step: int = 128


@dataclass(frozen=True, kw_only=True)
class ParallelConfig:
    """How the work is spread.

    Attributes:
        micro_batch: Samples that one process reads at once; the rest of its share of a step follows one by one.
        zero_stage: 0 repeats everything on every process, 1 splits the optimizer, 2 gradients too, 3 weights too.
        offload_optimizer: Keep the optimizer in host memory.
        offload_parameters: Keep the weights in host memory; with stage 3 only.
        sequence_parallel: Processes that share one sample, each a stretch of its tokens (Ulysses).
    """

    micro_batch: int = 1
    zero_stage: Literal[0, 1, 2, 3] = 2
    offload_optimizer: bool = False
    offload_parameters: bool = False
    sequence_parallel: int = 1

    def __post_init__(self) -> None:
        """Check what excludes each other.

        Raises:
            ConfigError: If a size is not positive, or a choice needs another.
        """
        if min(self.micro_batch, self.sequence_parallel) < 1:
            raise ConfigError("parallel.micro_batch and parallel.sequence_parallel must be at least 1")
        if self.sequence_parallel > 1 and self.micro_batch > 1:
            raise ConfigError(
                f"parallel.micro_batch={self.micro_batch}: processes that share a sample take one at a time",
                hint="set parallel.micro_batch=1",
            )
        if self.offload_parameters and self.zero_stage != 3:
            raise ConfigError("parallel.offload_parameters needs parallel.zero_stage=3")


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """How numbers are computed.

    Attributes:
        dtype: Type of weights and activations; the optimizer keeps float32 in either case.
        gradient_checkpointing: Compute activations twice instead of keeping them.
        offload_activations: Keep what is computed again in host memory; with gradient checkpointing on a GPU.
        attention: Of the language model; `auto` takes FlashAttention-2 where it can run, else SDPA.
        compile: Compile the language model's layers (torch.compile).
        loss_tile: Positions whose logits exist at once.
        tf32: Let a GPU multiply float32 with 10 bits of mantissa.
        quantisation: Bits of the frozen language model under LoRA (QLoRA); needs bitsandbytes.
    """

    dtype: Literal["bf16", "fp32"] = "bf16"
    gradient_checkpointing: bool = True
    offload_activations: bool = False
    attention: Literal["auto", "sdpa", "flash_attention_2"] = "auto"
    compile: bool = False
    loss_tile: int = 1024
    tf32: bool = True
    quantisation: Literal["none", "8bit", "4bit"] = "none"

    def __post_init__(self) -> None:
        """Check the size of a tile.

        Raises:
            ConfigError: If it is not positive.
        """
        if self.loss_tile < 1:
            raise ConfigError(f"compute.loss_tile={self.loss_tile} must be at least 1")


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Low-rank adapters of the language model (arXiv 2106.09685), through peft.

    Attributes:
        rank: Of the adapters; 0 has none.
        alpha: Their output is scaled by alpha / rank.
        dropout: Share of their input that is dropped.
        targets: Names of linear layers; `all-linear` is every one but the output layer.
        merge: Add them to the weights in the exported model; else the export holds them in `adapter/`.
    """

    rank: int = 0
    alpha: int = 16
    dropout: float = 0.05
    targets: tuple[str, ...] = ("all-linear",)
    merge: bool = True


@dataclass(frozen=True, kw_only=True)
class LoggingConfig:
    """What is told while it runs; `metrics.jsonl` always is.

    Attributes:
        every: Steps between two lines.
        tensorboard: Write TensorBoard's files beside it.
        wandb: Project of Weights & Biases to write to.
        peak_tflops: What one device can do, for the share of it that is used; known GPUs are recognised.
    """

    every: int = 1
    tensorboard: bool = False
    wandb: str | None = None
    peak_tflops: float | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """When the run can be resumed from.

    Attributes:
        every: Steps between two checkpoints.
        keep: Checkpoints that are kept; older ones are removed.
    """

    every: int = 1000
    keep: int = 1


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole training run; recipes (`movieqa.train.recipes`) return one.

    Attributes:
        recipe: Name of the recipe it began as.
        seed: Of the order of samples, new weights and dropout.

    Example:
        >>> from movieqa.train.recipes import long_video
        >>> long_video().parallel.zero_stage
        2
    """

    recipe: str
    seed: int = 42
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    parallel: ParallelConfig = field(default_factory=ParallelConfig)
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)

    def __post_init__(self) -> None:
        """Check what the sections ask of each other.

        Raises:
            ConfigError: If something is trained that is quantised, or nothing is trained at all.
        """
        unknown = [name for name in self.model.trains if name not in PARTS]
        if unknown:
            raise ConfigError(f"model.trains names no part {unknown[0]!r}", hint=f"parts: {', '.join(PARTS)}")
        if not self.model.trains and not self.lora.rank:
            raise ConfigError("nothing is trained", hint="set model.trains or lora.rank")
        if self.lora.rank and "language_model" in self.model.trains:
            raise ConfigError(
                "the language model is trained whole and by LoRA at once",
                hint="set lora.rank=0, or change model.trains",
            )
        if self.compute.quantisation != "none" and "language_model" in self.model.trains:
            raise ConfigError(
                "a quantised language model cannot be trained whole",
                hint="take LoRA: change model.trains, set lora.rank",
            )

    @property
    def digest(self) -> str:
        """Digest of all that decides the weights; logging, checkpoints and the spread of the work do not."""
        content = asdict(self)
        for name in ("logging", "checkpoint", "parallel"):
            del content[name]
        for name in ("attention", "compile", "loss_tile", "gradient_checkpointing", "offload_activations"):
            del content["compute"][name]
        return digest_json(json.loads(json.dumps(content, default=str)))

    def to_json(self) -> str:
        """Write the config as JSON."""
        return json.dumps(asdict(self), indent=1, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str = "config.json") -> TrainConfig:
        """Read what `to_json` wrote.

        Args:
            text: JSON.
            where: What errors call it.

        Raises:
            ConfigError: If it is no JSON, or a field is unknown or of another type.
        """
        try:
            content: Any = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{where} is no JSON ({error})") from error
        return build(cls, content, where)

    @classmethod
    def load(cls, path: Path) -> TrainConfig:
        """Read a file that `to_json` wrote.

        Raises:
            ConfigError: If it cannot be read, or holds something else.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read ({error})") from error
        return cls.from_json(text, where=str(path))
