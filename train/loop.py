"""The training loop: every recipe, on one process or many, resumed exactly where it was."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from movieqa.errors import ConfigError, TrainingError
from movieqa.storage import write_atomic

from .checkpoints import CheckpointFacts, find_checkpoint, load_checkpoint, save_checkpoint
from .config import TrainConfig
from .data.order import BatchOrder
from .data.training_set import open_training_set
from .dependencies import check_compiler
from .engine import Engine
from .exporting import export_model
from .metrics import MetricsLog, StepMetrics
from .opening import MakeIdentityTokens, MakeIdFormer, OpenedModel, fingerprint, open_model
from .operations import Operations, count_operations, peak_operations
from .processes import Processes, join_processes
from .reading import ReadStep, Samples, read_steps, to_micro
from .results import TrainResult
from .training_model import TrainingModel

CONFIG_FILE = "config.json"
MODEL_FOLDER = "model"
BAD_FILE = "bad-samples.txt"


def run_training(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = True,
    make_id_former: MakeIdFormer | None = None,
    make_identity_tokens: MakeIdentityTokens | None = None,
    progress: bool = False,
    watch: Callable[[StepMetrics], None] | None = None,
) -> TrainResult:
    """Train a model, in this process or together with all that a launcher started.

    Args:
        config: The run.
        out: Its folder: settings, metrics, checkpoints and, in the end, the model.
        resume: Whether to go on from the newest checkpoint in it; else it must hold no run.
        make_id_former: Makes the ID-Former of recipes that train one.
        make_identity_tokens: Makes what makes identity tokens of recipes that train it.
        progress: Show a bar on standard error.
        watch: Called after each step.

    Raises:
        ConfigError: If settings cannot work.
        TrainingError: If data is bad, a loss is no number, or the folder holds another run.
        CheckpointError: If the model cannot be loaded or written.
        MissingDependencyError: If something that the settings ask for is not installed.

    Example:
        >>> from movieqa.train.recipes import align
        >>> run_training(align(), Path("runs/align"))  # doctest: +SKIP
    """
    processes = join_processes(sequence_size=config.parallel.sequence_parallel)
    with _explain_memory():
        torch.backends.cuda.matmul.allow_tf32 = config.compute.tf32
        _check_folder(config, out, resume=resume)
        if config.compute.compile:
            check_compiler("compute.compile=true", hint="install g++, or set compute.compile=false")
        torch.manual_seed(config.seed)  # new weights (LoRA, an ID-Former) are the same on every process
        opened = open_model(
            config,
            device=processes.device,
            make_id_former=make_id_former,
            make_identity_tokens=make_identity_tokens,
        )
        samples = open_training_set(
            config.data,
            opened.processor,
            opened.model.config,
            read_tower=partial(fingerprint, config),
            progress=progress and processes.is_first,
        )
        _claim(config, out, processes)
        run = _Run(config, out, processes, opened, samples)
        export = partial(export_model, config, make_id_former=make_id_former, make_identity_tokens=make_identity_tokens)
        return run.train(export, progress=progress and processes.is_first, watch=watch)


def count_steps(config: TrainConfig, order: BatchOrder) -> int:
    """Return the updates of a whole run.

    Raises:
        ConfigError: If there is none.
    """
    steps = math.ceil(order.steps_per_epoch * config.schedule.epochs)
    steps = steps if config.schedule.max_steps is None else min(steps, config.schedule.max_steps)
    if steps < 1:
        raise ConfigError("a run without a step", hint="raise schedule.epochs or schedule.max_steps")
    return steps


def make_order(config: TrainConfig, lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> BatchOrder:
    """Return which samples each step of a run has."""
    return BatchOrder(
        lengths,
        samples_per_step=config.schedule.samples_per_step,
        seed=config.seed,
        group_by_length=config.data.group_by_length,
        capacity=config.data.max_length if config.data.packing else None,
    )


class _Run:
    """One run: the engine, the order of samples, and where it is."""

    def __init__(
        self, config: TrainConfig, out: Path, processes: Processes, opened: OpenedModel, samples: Samples
    ) -> None:
        self.config, self.out, self.processes, self.samples = config, out, processes, samples
        self.order = make_order(config, samples.lengths)
        self.num_steps = count_steps(config, self.order)
        self.attention = str(opened.model.language_model.config._attn_implementation)
        self.per_frame = opened.model.config.num_tokens_per_frame
        pad = opened.processor.tokenizer.pad_token_id
        self.pad = 0 if pad is None else int(pad)
        self.operations: Operations = count_operations(opened.model)
        self.peak = peak_operations(processes.device, config.logging.peak_tflops)
        model = TrainingModel(
            opened.model,
            id_former=opened.id_former,
            identity_tokens=opened.identity_tokens,
            tile=config.compute.loss_tile,
            recomputes=config.compute.gradient_checkpointing,
            offloads=config.compute.offload_activations and processes.device.type == "cuda",
        )
        if config.compute.compile:
            model.language_model.get_decoder().compile()
        at_once = processes.data_size * config.parallel.micro_batch
        self.engine = Engine(
            model,
            config,
            processes,
            num_steps=self.num_steps,
            num_accumulated=max(1, -(-config.schedule.samples_per_step // at_once)),
        )
        self.tokens = 0
        self.found_bad = self.num_bad = len(samples.bad)
        self.late_bad: set[int] = set()

    def train(
        self,
        export: Callable[[Mapping[str, torch.Tensor], Path], None],
        *,
        progress: bool,
        watch: Callable[[StepMetrics], None] | None,
    ) -> TrainResult:
        start = self._resume()
        log = MetricsLog(self.out, self.config.logging, start=start) if self.processes.is_first else None
        loss = None
        steps = read_steps(
            self.samples,
            self.order,
            self.processes,
            micro_batch=self.config.parallel.micro_batch,
            start=start,
            stop=self.num_steps,
            num_workers=self.config.data.num_workers,
            pad=self.pad,
        )
        bar = tqdm(total=self.num_steps, initial=start, desc=self.config.recipe, unit="step", disable=not progress)
        with bar, nullcontext() if log is None else closing(log):
            for read in steps:
                metrics = self._step(read)
                loss = metrics.loss
                bar.update()
                bar.set_postfix_str(f"loss {metrics.loss:.3f}, {metrics.tokens_per_second:.0f} tokens/s")
                if log is not None:
                    log.write(metrics, is_last=metrics.step == self.num_steps)
                if watch is not None:
                    watch(metrics)
                if metrics.step % self.config.checkpoint.every == 0 or metrics.step == self.num_steps:
                    save_checkpoint(self.engine, self._facts(metrics.step), self.out, keep=self.config.checkpoint.keep)
        weights = self.engine.trained_weights()
        target = self.out / MODEL_FOLDER
        if self.processes.is_first:
            export(weights, target)
        self.processes.wait()
        return TrainResult(model=target, steps=self.num_steps, resumed_from=start, loss=loss, num_bad=self.num_bad)

    def _resume(self) -> int:
        found = find_checkpoint(self.out)
        if found is None:
            return 0
        path, facts = found
        load_checkpoint(self.engine, path, facts, self._facts(facts.step))
        self.tokens = facts.tokens
        return facts.step

    def _facts(self, step: int) -> CheckpointFacts:
        return CheckpointFacts(
            step=step,
            tokens=self.tokens,
            config=self.config.digest,
            data=self.samples.digest,
            world_size=self.processes.world_size,
            zero_stage=self.config.parallel.zero_stage,
        )

    def _step(self, read: ReadStep) -> StepMetrics:
        """Make one update of the weights."""
        began = time.perf_counter()
        # each step has its own dropout, so that a resume needs no state of the generator
        torch.manual_seed(_seed_of(self.config.seed, read.step.number, self.processes.rank))
        shared = self.processes.sequence_size
        mine = [read.num_learned, read.num_tokens, sum(len(batch.bad) for batch in read.batches)]
        learned, tokens, bad = (int(value) // shared for value in self.processes.sum(torch.tensor(mine)))
        self._count_bad(read, bad)
        scale = self.processes.data_size / max(1, learned)
        losses: list[torch.Tensor] = []
        rate = self.engine.learning_rate
        for index, batch in enumerate(read.batches):
            micro = to_micro(batch, self.processes, attention=self.attention, tokens_per_frame=self.per_frame)
            losses.append(self.engine.learn(micro, scale=scale, is_last=index + 1 == len(read.batches)))
        loss = self._checked_loss(read, torch.stack(losses)) / max(1, learned)
        self.engine.update()
        if not math.isfinite(self.engine.gradient_norm):
            raise TrainingError(
                f"step {read.step.number + 1}: the gradient is no number ({self.engine.gradient_norm}); "
                f"samples: {self._names(read.step.samples)}",
                hint="lower optimizer.lr; checkpoints are from before this step",
            )
        self.tokens += tokens
        seconds = time.perf_counter() - began
        return StepMetrics(
            step=read.step.number + 1,
            epoch=read.step.epoch,
            loss=loss,
            learning_rate=rate,
            gradient_norm=self.engine.gradient_norm,
            tokens=tokens,
            learned=learned,
            seconds=round(seconds, 4),
            tokens_per_second=round(tokens / seconds, 1),
            mfu=self._share_used(read, seconds),
            memory_gb=round(_most_memory(self.processes.device) / 1e9, 3),
            num_bad=self.num_bad,
        )

    def _checked_loss(self, read: ReadStep, losses: torch.Tensor) -> float:
        """Return the summed loss of all processes, before the weights are changed by it."""
        is_broken = ~torch.isfinite(losses)
        broken = torch.zeros(len(self.samples.lengths) + 1)
        for batch, fault in zip(read.batches, is_broken.tolist(), strict=True):
            for index in (index for row in batch.indices for index in row if fault):
                broken[index] = 1
        total = self.processes.sum(torch.stack([losses.float().sum(), is_broken.float().sum()]))
        if total[1]:
            places = self.processes.sum(broken)[:-1].nonzero()[:, 0].numpy()
            raise TrainingError(
                f"step {read.step.number + 1}: the loss is no number; samples: {self._names(places)}",
                hint="look at these samples, or lower optimizer.lr; checkpoints are from before this step",
            )
        return float(total[0])

    def _count_bad(self, read: ReadStep, num_bad: int) -> None:
        """Count bad samples of all processes; each writes down its own."""
        if not num_bad:
            return
        own = [bad for batch in read.batches for bad in batch.bad]
        if own and self.processes.sequence_rank == 0:
            with (self.out / BAD_FILE).open("a", encoding="utf-8") as file:
                file.writelines(f"step {read.step.number + 1}: {bad}\n" for _, bad in own)
        places = torch.zeros(len(self.samples.lengths))
        places[[index for batch in read.batches for index, _ in batch.bad]] = 1
        self.late_bad |= set(self.processes.sum(places).nonzero()[:, 0].tolist())  # one that comes again counts once
        self.num_bad = self.found_bad + len(self.late_bad)
        if self.num_bad > self.config.data.max_bad:
            raise TrainingError(
                f"{self.num_bad} bad samples, and at most {self.config.data.max_bad} are allowed",
                hint=f"see {self.out / BAD_FILE}, or raise --max-bad",
            )

    def _names(self, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
        names = [self.samples.describe(int(place)) for place in places[:8]]
        return ", ".join(names) + (f" and {len(places) - 8} more" if len(places) > 8 else "")

    def _share_used(self, read: ReadStep, seconds: float) -> float | None:
        if self.peak is None:
            return None
        lengths = [length for batch in read.batches for row in batch.segments for length in row]
        media = [one for batch in read.batches for row in batch.media for one in row]
        needed = self.operations.of(
            lengths,
            num_frames=sum(one.num_frames for one in media),
            num_pictures=sum(one.num_frames for one in media if one.pixels is not None),
        )
        return round(needed / self.processes.sequence_size / seconds / self.peak, 4)


def _check_folder(config: TrainConfig, out: Path, *, resume: bool) -> None:
    """Refuse a folder that holds another run."""
    path = out / CONFIG_FILE
    if not path.exists():
        return
    if not resume:
        raise TrainingError(f"{out} holds a run already", hint="give another --out, or go on with --resume")
    if TrainConfig.load(path).digest != config.digest:
        raise TrainingError(f"{out} holds a run with other settings", hint="give another --out")


def _claim(config: TrainConfig, out: Path, processes: Processes) -> None:
    """Take the folder, now that model and data are good."""
    processes.wait()
    if processes.is_first:
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_atomic(out / CONFIG_FILE, config.to_json())
        except OSError as error:
            raise TrainingError(f"{out} cannot be written ({error.strerror or error})") from error
    processes.wait()


@contextmanager
def _explain_memory() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # a CPU's is no OutOfMemoryError
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"not enough memory ({reason})",
            hint="see what is needed with --dry-run; lower parallel.micro_batch, raise parallel.zero_stage, offload",
        ) from error


def _seed_of(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _most_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
