"""What a resume needs of the optimizer, a weight at a time, however DeepSpeed spreads it over processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.nn import functional

from .dependencies import import_deepspeed

Kind = Literal["weight", "exp_avg", "exp_avg_sq"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The weight in float32, and Adam's two moments of its gradient, by the names that torch has for them."""


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
        self._spread: _Spread
        if any(hasattr(weight, "ds_id") for weight in self._weights.values()):
            self._spread = _Sharded(engine)
        elif any(hasattr(weight, "_hp_mapping") for weight in self._weights.values()):
            self._spread = _Split(engine)
        else:
            self._spread = _Whole(engine)

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


class _Spread(Protocol):
    """A way of spreading an optimizer over processes."""

    @property
    def owners(self) -> Sequence[Tensor]:
        """Tensors of this process that the optimizer has moments of."""

    def read(self, weight: Any, kind: Kind) -> Tensor:
        """Return whole numbers of a weight."""

    def set(self, weight: Any, kind: Kind, value: Tensor) -> None:
        """Set what this process keeps of a weight."""

    def finish(self) -> None:
        """Give the model's weights what was set."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """Where a weight's float32 numbers are: a tensor, or a stretch of it."""

    owner: Tensor
    stretch: slice | None = None


class _Whole:
    """Without ZeRO every process has everything; in bfloat16 with a float32 copy beside it."""

    def __init__(self, engine: Any) -> None:
        self._state = engine.basic_optimizer.state
        self._places = _places(engine)
        self.owners = list({id(place.owner): place.owner for place in self._places.values()}.values())

    def read(self, weight: Any, kind: Kind) -> Tensor:
        place = self._places[weight]
        held: Tensor = place.owner if kind == "weight" else self._state[place.owner][kind]
        return held.detach() if place.stretch is None else held.detach()[place.stretch].view(weight.shape)

    def set(self, weight: Any, kind: Kind, value: Tensor) -> None:
        self.read(weight, kind).copy_(value)

    @torch.no_grad()
    def finish(self) -> None:
        for weight in self._places:
            weight.copy_(self.read(weight, "weight"))


def _places(engine: Any) -> dict[Any, _Place]:
    inner, outer = engine.basic_optimizer, engine.optimizer
    if outer is inner:
        return {weight: _Place(owner=weight) for group in inner.param_groups for weight in group["params"]}
    places: dict[Any, _Place] = {}
    if hasattr(outer, "fp32_groups"):
        for low, high in zip(outer.fp16_groups, outer.fp32_groups, strict=True):
            places |= {weight: _Place(owner=master) for weight, master in zip(low, high, strict=True)}
        return places
    for low, flat in zip(outer.fp16_groups, outer.fp32_groups_flat, strict=True):
        start = 0
        for weight in low:
            places[weight] = _Place(owner=flat, stretch=slice(start, start + weight.numel()))
            start += weight.numel()
    return places


class _Split:
    """Stages 1 and 2: each process keeps a stretch of all weights in one row."""

    def __init__(self, engine: Any) -> None:
        self._outer = engine.optimizer
        self._state = engine.basic_optimizer.state
        self._tools = import_deepspeed().utils
        self.owners = [group["params"][0] for group in engine.basic_optimizer.param_groups]

    def read(self, weight: Any, kind: Kind) -> Tensor:
        self._link(weight)
        return _put_together(self._tools, weight, kind)

    def set(self, weight: Any, kind: Kind, value: Tensor) -> None:
        if kind == "weight":
            self._tools.safe_set_full_fp32_param(weight, value)
        else:
            self._link(weight)
            self._tools.safe_set_full_optimizer_state(weight, value, kind)

    def finish(self) -> None:
        self._outer.update_lp_params()

    def _link(self, weight: Any) -> None:
        """Tell a weight where its moments are; DeepSpeed does so too early, when only the first group has any."""
        if weight._hp_mapping is not None:
            flat = self.owners[weight._hp_mapping.param_group_index]
            weight._hp_mapping.set_optim_state_fragment(flat, self._state[flat])


class _Sharded:
    """Stage 3: each process keeps a stretch of every weight, the last one filled up."""

    def __init__(self, engine: Any) -> None:
        self._outer = engine.optimizer
        self._tools = import_deepspeed().utils
        self.owners = list(engine.optimizer.fp32_partitioned_groups_flat)

    def read(self, weight: Any, kind: Kind) -> Tensor:
        return _put_together(self._tools, weight, kind)

    @torch.no_grad()
    def set(self, weight: Any, kind: Kind, value: Tensor) -> None:
        # DeepSpeed's own setter of whole weights fails where processes do not divide them
        size = weight.ds_tensor.numel()
        start = size * distributed.get_rank(weight.ds_process_group)
        own = value.flatten()[start : start + size]
        own = functional.pad(own, (0, size - len(own)))
        if kind == "weight":
            self._tools.safe_set_local_fp32_param(weight, own)
            weight.ds_tensor.copy_(own)
        else:
            self._tools.safe_set_local_optimizer_state(weight, own, kind)

    def finish(self) -> None:
        self._outer.checkpoint_event_prologue()  # what is whole is of before
        self._outer.checkpoint_event_epilogue()


def _put_together(tools: Any, weight: Any, kind: Kind) -> Tensor:
    if kind == "weight":
        whole: Tensor = tools.safe_get_full_fp32_param(weight)
    else:
        whole = tools.safe_get_full_optimizer_state(weight, kind)
    return whole
