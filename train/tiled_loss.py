"""Cross-entropy over a long sequence without its logits: 65,536 x 32,000 of them would take 8.4 GB.

Logits exist for one tile of positions at a time. Their gradient is known as soon as they are (softmax minus the
target), so it is carried on to the hidden states and the output layer in the same pass and nothing is computed twice.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers import PretrainedConfig

from movieqa.prompt import IGNORED_LABEL


class TiledLoss(nn.Module):
    """Sum the cross-entropy of a language model's hidden states.

    Args:
        head: The output layer; it stays the language model's own.
        config: The language model's, for what it does to logits.
        tile: Positions whose logits exist at once.

    Example:
        >>> loss = TiledLoss(nn.Linear(8, 32, bias=False), PretrainedConfig(), tile=4)
        >>> loss(torch.zeros(1, 6, 8), torch.tensor([[1, 2, 3, -100, 4, 5]])).item() / 5 - torch.tensor(32.0).log()
        tensor(0.)
    """

    def __init__(self, head: nn.Module, config: PretrainedConfig, *, tile: int) -> None:
        super().__init__()
        self._head = (head,)  # in a tuple it is no submodule: its weights are counted where they live
        self._tile = tile
        self._cap = getattr(config, "final_logit_softcapping", None)
        factor = getattr(config, "logit_scale", None)
        divisor = getattr(config, "logits_scaling", None)
        self._scale = float(factor or 1.0) / float(divisor or 1.0)

    def forward(self, states: Float[Tensor, "B L D"], targets: Int[Tensor, "B L"]) -> Float[Tensor, ""]:
        """Return the sum over learned positions, in float32.

        Args:
            states: Hidden states behind the last norm.
            targets: The id that comes after each position, `IGNORED_LABEL` where nothing is learned.
        """
        weight, bias = self._head[0].weight, getattr(self._head[0], "bias", None)
        is_learned = targets != IGNORED_LABEL
        loss: Tensor = _TiledCrossEntropy.apply(  # type: ignore[no-untyped-call]
            states[is_learned], targets[is_learned], weight, bias, self._tile, self._scale, self._cap
        )
        return loss


class _TiledCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one pass over tiles."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Float[Tensor, "N D"],
        targets: Int[Tensor, " N"],
        weight: Float[Tensor, "V D"],
        bias: Float[Tensor, " V"] | None,
        tile: int,
        scale: float,
        cap: float | None,
    ) -> Float[Tensor, ""]:
        wants_states, wants_weight, wants_bias = (ctx.needs_input_grad[index] for index in (0, 2, 3))
        # sums over many tiles are kept in float32, whatever the type of the weights
        of_states = torch.zeros_like(states) if wants_states else None
        of_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
        of_bias = torch.zeros_like(bias, dtype=torch.float32) if wants_bias and bias is not None else None
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        for start in range(0, len(states), tile):
            part, wanted = states[start : start + tile], targets[start : start + tile, None]
            logits = nn.functional.linear(part, weight, bias).float()
            if scale != 1:
                logits *= scale
            if cap is not None:
                logits = cap * (logits / cap).tanh()
            slope = None if cap is None else 1 - (logits / cap).square()
            logs = logits.log_softmax(dim=-1)
            total -= logs.gather(1, wanted).sum()
            if of_states is None and of_weight is None and of_bias is None:
                continue
            gradient = logs.exp_()
            gradient.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=gradient.dtype))
            if slope is not None:
                gradient *= slope
            if scale != 1:
                gradient *= scale
            narrow = gradient.to(part.dtype)
            if of_states is not None:
                torch.mm(narrow, weight, out=of_states[start : start + tile])
            if of_weight is not None and of_weight.dtype == part.dtype:
                of_weight.addmm_(narrow.T, part)
            elif of_weight is not None:
                of_weight += narrow.T @ part
            if of_bias is not None:
                of_bias += gradient.sum(dim=0)
        ctx.save_for_backward(
            of_states,
            None if of_weight is None else of_weight.to(weight),
            None if of_bias is None else of_bias.to(weight),
        )
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, ""]) -> tuple[Tensor | None, ...]:
        # in place, for they are as large as the output layer; a second pass over the same graph is refused by torch
        of_states, of_weight, of_bias = (
            None if kept is None else kept.mul_(gradient.to(kept.dtype)) for kept in ctx.saved_tensors
        )
        return of_states, None, of_weight, of_bias, None, None, None
