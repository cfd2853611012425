"""What a resume needs of the optimizer, a weight at a time, however DeepSpeed spreads it over processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .optimizer_spread import Kind, find_spread


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far optimizer and schedule are.

    Attributes:
        num_updates: Updates that Adam corrects its moments by.
        num_scheduled: Steps on the learning rate's course.
    """

    num_updates: int
    num_scheduled: int

    def __post_init__(self) -> None:
        """Check that both are counts.

        Raises:
            ValueError: If one is none.
        """
        if any(type(count) is not int or count < 0 for count in (self.num_updates, self.num_scheduled)):
            raise ValueError(f"no counts of updates: {self.num_updates!r}, {self.num_scheduled!r}")


class OptimizerState:
    """Float32 weights and moments of AdamW (arXiv 1412.6980, 1711.05101), read and set by weight.

    What is split is put together from all processes, so each of them makes the same calls in the same order. One
    weight is whole at a time.

    Args:
        engine: DeepSpeed's engine, of any ZeRO stage.
        weights: All that is trained, by name.
    """

    def __init__(self, engine: Any, weights: Mapping[str, nn.Parameter]) -> None:
        self._weights = dict(weights)
        self._optimizer: torch.optim.Optimizer = engine.basic_optimizer
        self._schedule: torch.optim.lr_scheduler.LambdaLR = engine.lr_scheduler
        self._spread = find_spread(engine)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the whole weights."""
        return {name: tuple(getattr(weight, "ds_shape", weight.shape)) for name, weight in self._weights.items()}

    @property
    def progress(self) -> Progress:
        """How far it is; after the first update."""
        (num_updates,) = {int(self._optimizer.state[owner]["step"]) for owner in self._spread.owners}
        return Progress(num_updates=num_updates, num_scheduled=self._schedule.last_epoch)

    def read(self, name: str, kind: Kind) -> Float[Tensor, "*shape"]:
        """Return whole numbers of a weight in float32; they may be the optimizer's own memory."""
        return self._spread.read(self._weights[name], kind)

    def begin(self, progress: Progress) -> None:
        """Bring counts and learning rate to where a run was; all numbers are to be set next."""
        is_torch = isinstance(self._optimizer, torch.optim.AdamW)  # the others count in plain numbers
        on_device = bool(self._optimizer.defaults.get("fused"))
        for owner in self._spread.owners:
            count = torch.tensor(float(progress.num_updates), device=owner.device if on_device else "cpu")
            self._optimizer.state[owner] = {
                "step": count if is_torch else progress.num_updates,
                "exp_avg": torch.zeros_like(owner),
                "exp_avg_sq": torch.zeros_like(owner),
            }
        schedule, place = self._schedule, progress.num_scheduled
        rates = [base * factor(place) for base, factor in zip(schedule.base_lrs, schedule.lr_lambdas, strict=True)]
        schedule.load_state_dict(
            {**schedule.state_dict(), "last_epoch": place, "_step_count": place + 1, "_last_lr": rates}
        )
        for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def set(self, name: str, kind: Kind, value: Float[Tensor, "*shape"]) -> None:
        """Set numbers of a weight; only what this process keeps of them is read."""
        self._spread.set(self._weights[name], kind, value)

    def finish(self) -> None:
        """Give the model the weights that were set."""
        self._spread.finish()


def forget_trial_step(engine: Any) -> None:
    """Undo the step that DeepSpeed's optimizers without ZeRO make when they are made.

    It has no gradients, but it counts as Adam's first update and it decays the weights.
    """
    if hasattr(engine.optimizer, "refresh_fp32_params") and not engine.zero_optimization():
        engine.optimizer.refresh_fp32_params()
        engine.basic_optimizer.state.clear()
