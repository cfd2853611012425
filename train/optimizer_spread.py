"""The ways in which DeepSpeed spreads an optimizer's numbers over processes, one for each kind of ZeRO stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, distributed
from torch.nn import functional

from .dependencies import import_deepspeed

Kind = Literal["weight", "exp_avg", "exp_avg_sq"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The weight in float32, and Adam's two moments of its gradient, by the names that torch has for them."""


class Spread(Protocol):
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


def find_spread(engine: Any) -> Spread:
    """Return how a DeepSpeed engine's optimizer is spread."""
    stage = engine.zero_optimization_stage()
    if stage == 3:
        return _Sharded(engine)
    return _Split(engine) if stage else _Whole(engine)


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
