"""The loss in tiles is the whole loss, and its gradients are the whole gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig

from movieqa.train.tiled_loss import TiledLoss


def whole_loss(states: Tensor, targets: Tensor, head: nn.Linear, config: PretrainedConfig) -> Tensor:
    logits = head(states).float() * getattr(config, "logit_scale", 1.0) / getattr(config, "logits_scaling", 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    if cap is not None:
        logits = cap * (logits / cap).tanh()
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")


@pytest.mark.parametrize("tile", [1, 7, 1000])
@pytest.mark.parametrize(
    "settings", [{}, {"final_logit_softcapping": 3.0}, {"logit_scale": 0.5}, {"logits_scaling": 4.0}]
)
def test_tiles_are_the_whole(tile: int, settings: dict[str, float]) -> None:
    torch.manual_seed(0)
    config = PretrainedConfig(**settings)
    head = nn.Linear(16, 50).double()
    states = torch.randn(2, 33, 16, dtype=torch.double)
    targets = torch.randint(0, 50, (2, 33))
    targets[0, :20] = -100
    found = []
    for loss_of in (TiledLoss(head, config, tile=tile), lambda x, y: whole_loss(x, y, head, config)):
        head.zero_grad()
        given = states.clone().requires_grad_()
        loss = loss_of(given, targets)
        (loss * 0.25).backward()
        assert head.weight.grad is not None and head.bias.grad is not None and given.grad is not None
        found.append((loss.detach().float(), given.grad, head.weight.grad.clone(), head.bias.grad.clone()))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_nothing_to_learn_is_zero_and_every_weight_takes_part() -> None:
    head = nn.Linear(4, 9, bias=False)
    states = torch.randn(1, 3, 4, requires_grad=True)
    loss = TiledLoss(head, PretrainedConfig(), tile=2)(states, torch.full((1, 3), -100))
    loss.backward()
    assert loss.item() == 0
    assert head.weight.grad is not None and not head.weight.grad.any()
    assert states.grad is not None and not states.grad.any()


def test_a_frozen_output_layer_gets_no_gradient() -> None:
    head = nn.Linear(4, 9, bias=False).requires_grad_(False)
    states = torch.randn(1, 3, 4, requires_grad=True)
    TiledLoss(head, PretrainedConfig(), tile=2)(states, torch.tensor([[1, 2, 3]])).backward()
    assert head.weight.grad is None
    assert states.grad is not None and states.grad.any()


def test_gradients_are_taken_once() -> None:
    head = nn.Linear(4, 9, bias=False)
    loss = TiledLoss(head, PretrainedConfig(), tile=2)(torch.randn(1, 3, 4), torch.tensor([[1, 2, 3]]))
    (loss * 0.5).backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
