"""Whoever is in a film, each frame is read with its own people in mind and nobody else."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from movieqa.checkpoint.ida_vlm import IdFormerConfig
from movieqa.memory.id_former import IdFormer, PictureGroup
from movieqa.memory.id_former_film import FilmIdFormer, FilmIdFormerConfig

torch.set_num_threads(1)
torch.manual_seed(0)
FORMER = FilmIdFormer(FilmIdFormerConfig(vision_width=16, num_heads=2, num_queries=2)).eval()
REFERENCE = IdFormer(IdFormerConfig(width=16, num_heads=2, num_queries=4, patch_width=12)).eval()
for attention in (FORMER.identity_attention, REFERENCE.identity_attention):
    nn.init.normal_(attention.out_proj.weight, std=0.5)
PATCHES = torch.randn(6, 9, 16)
FEATURES = torch.randn(12, 9, 12)
with torch.no_grad():
    MEMORY = FORMER.remember(list(torch.randn(4, 2, 9, 16)))


@settings(max_examples=40)
@given(
    rows=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=6, max_size=6),
    order=st.permutations(range(4)),
)
@torch.no_grad()
def test_every_frame_sees_its_own_people_only(rows: list[list[bool]], order: list[int]) -> None:
    present = torch.tensor(rows)
    changed = FORMER(PATCHES, MEMORY, present)
    torch.testing.assert_close(FORMER(PATCHES, MEMORY[order], present[:, order]), changed)
    for frame, who in enumerate(present):
        alone = PATCHES[frame : frame + 1]
        if not who.any():
            assert torch.equal(changed[frame], PATCHES[frame])
        else:
            kept = FORMER(alone, MEMORY[who], torch.ones(1, int(who.sum()), dtype=torch.bool))
            torch.testing.assert_close(kept[0], changed[frame])


@settings(max_examples=40)
@given(counts=st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=3).filter(lambda some: sum(map(sum, some)) <= 12))
@torch.no_grad()
def test_samples_of_a_batch_never_meet(counts: list[tuple[int, int, int]]) -> None:
    groups = [PictureGroup(num_references=one, num_tests=two, num_others=three) for one, two, three in counts]
    total = sum(map(len, groups))
    together = REFERENCE(FEATURES[:total], groups)
    assert together.shape == (total, 4, 16)
    start = 0
    for group in groups:
        pictures = FEATURES[start : start + len(group)]
        torch.testing.assert_close(together[start : start + len(group)], REFERENCE(pictures, [group]))
        start += len(group)
