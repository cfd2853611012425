"""The DeepSpeed engine of a run: optimizer, learning rate, gradients, and the state that a resume needs."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from math import ceil, inf
from typing import Any

import torch
from torch import Tensor, nn
from transformers import get_scheduler

from .config import OptimizerConfig, TrainConfig
from .deepspeed_config import deepspeed_clips, deepspeed_config
from .dependencies import compiled_adam, import_deepspeed
from .optimizer_state import OptimizerState, forget_trial_step
from .processes import Processes
from .sequence_parallel import forget_groups, share_attention
from .training_model import FrameEncoder, Micro, TrainingModel


class Engine:
    """Train a model with DeepSpeed.

    Args:
        model: The loss of a micro batch, its trained weights chosen.
        config: The run.
        processes: This process among all.
        num_steps: Updates of the whole run, which the learning rate's course depends on.
        num_accumulated: Micro batches that a process reads between two updates.
    """

    def __init__(
        self, model: TrainingModel, config: TrainConfig, processes: Processes, *, num_steps: int, num_accumulated: int
    ) -> None:
        deepspeed = import_deepspeed()
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        language = model.frames.movie.config.language
        groups = None
        forget_groups()
        if processes.sequence_size > 1:
            groups = share_attention(model.language_model, size=processes.sequence_size)
        if config.parallel.zero_stage == 3:
            deepspeed.utils.set_z3_leaf_modules(model, [FrameEncoder])
        has_gpu = processes.device.type == "cuda"
        self._clip = None if deepspeed_clips(config) else config.optimizer.clip or inf
        optimizer = _optimizer(model, config.optimizer, on_host=not has_gpu or config.parallel.offload_optimizer)
        warmup = ceil(num_steps * config.schedule.warmup_ratio)
        self.processes = processes
        self._inner, *_ = deepspeed.initialize(
            model=model,
            optimizer=optimizer,
            lr_scheduler=lambda inner: get_scheduler(
                config.schedule.kind, inner, num_warmup_steps=warmup, num_training_steps=num_steps
            ),
            config=deepspeed_config(
                config,
                num_accumulated=num_accumulated,
                num_trained=sum(weight.numel() for weight in trained),
                hidden_size=language.hidden_size,
                has_gpu=has_gpu,
            ),
            mpu=groups,
            dist_init_required=False,
        )
        forget_trial_step(self._inner)
        if config.parallel.zero_stage == 3:
            _keep_whole(self._inner.optimizer, model.frames)
        self._norm = 0.0
        # stage 3 divides by all processes, the other stages only by those that read different samples
        self._correction = processes.sequence_size if config.parallel.zero_stage == 3 else 1
        if config.parallel.zero_stage == 0 and processes.world_size == 1:
            self._inner.enable_backward_allreduce = False  # it would copy all gradients to send them to nobody

    @property
    def model(self) -> TrainingModel:
        """The model that is trained."""
        module: TrainingModel = self._inner.module
        return module

    @property
    def learning_rate(self) -> float:
        """Of the update that was made last, or of the first one."""
        return float(self._inner.get_lr()[0])

    @property
    def gradient_norm(self) -> float:
        """Norm of all gradients of the update that was made last, before clipping."""
        return self._norm

    def learn(self, micro: Micro, *, scale: float, is_last: bool) -> Tensor:
        """Add the gradients of a micro batch, and return its summed loss.

        Args:
            micro: What this process reads.
            scale: What the loss is multiplied by.
            is_last: Whether an update follows.
        """
        self._inner.set_gradient_accumulation_boundary(is_last)
        loss: Tensor = self._inner(micro)
        self._inner.backward(loss * scale * self._correction, scale_wrt_gas=False)
        if not is_last:
            self._inner.step()  # counts the micro batch
        return loss.detach()

    def update(self) -> None:
        """Change the weights by the gradients that were added."""
        if self._clip is not None:
            self._norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self._clip))
        self._inner.step()
        if self._clip is None:
            self._norm = float(self._inner.get_global_grad_norm() or 0.0)

    def state(self) -> OptimizerState:
        """Return what a resume needs, by the weights' names in the whole model."""
        weights = {whole_name(name): weight for name, weight in self.model.named_parameters() if weight.requires_grad}
        return OptimizerState(self._inner, weights)

    def trained_weights(self) -> dict[str, Tensor]:
        """Return all trained weights on the first process, by their names in the whole model; elsewhere nothing."""
        deepspeed = import_deepspeed()
        weights: dict[str, Tensor] = {}
        for name, weight in self.model.named_parameters():
            if not weight.requires_grad:
                continue
            # each by itself: a model that is split does not fit whole on one device
            with deepspeed.zero.GatheredParameters([weight], enabled=hasattr(weight, "ds_id")):
                if self.processes.is_first:
                    weights[whole_name(name)] = weight.detach().to("cpu", copy=True)
        return weights


def _keep_whole(optimizer: Any, module: nn.Module) -> None:
    """Let stage 3 keep a module's weights on every process; only their gradients and optimizer are split.

    How often a frame encoder's layers run depends on the samples at hand, and no input of it carries a gradient, by
    which DeepSpeed would tell that it is done with the weights.
    """
    weights: Iterable[Any] = module.parameters()  # DeepSpeed adds attributes to them
    for weight in weights:
        weight.is_external_param = True  # not released while the first step is recorded either
        if not weight.ds_persist:
            weight.ds_persist = True
            optimizer.persistent_parameters.append(weight)


def whole_name(name: str) -> str:
    """Return what a weight of the training model is called in the whole model."""
    return name.removeprefix("frames.movie.").removeprefix("frames.")


def _optimizer(model: nn.Module, config: OptimizerConfig, *, on_host: bool) -> torch.optim.Optimizer:
    """Return AdamW; matrices decay, vectors do not."""
    groups = [
        {"params": weights, "weight_decay": decay}
        for weights, decay in zip(_by_rank(model.parameters()), (config.weight_decay, 0.0), strict=True)
        if weights
    ]
    options: dict[str, Any] = {"lr": config.lr, "betas": (config.beta1, config.beta2), "eps": config.eps}
    if config.implementation == "deepspeed":
        make = compiled_adam() if on_host else import_module("deepspeed.ops.adam").FusedAdam
        made: torch.optim.Optimizer = make(groups, **options)
        return made
    return torch.optim.AdamW(groups, fused=True, **options)


def _by_rank(weights: Iterable[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    trained = [weight for weight in weights if weight.requires_grad]
    return [weight for weight in trained if weight.ndim > 1], [weight for weight in trained if weight.ndim <= 1]
