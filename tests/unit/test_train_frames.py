"""Frames of many media at once: the tokens and gradients that each medium gets by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from movieqa.memory.id_former_film import FilmIdFormer, film_id_former
from movieqa.model import Conditioning, Media, MovieModel
from movieqa.model.config import tiny
from movieqa.train.bundles import bundle_parts, split_media
from movieqa.train.training_model import FrameEncoder, Piece

BLOCK = 4


@pytest.fixture
def model() -> MovieModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = tiny()
    config.frames_per_block = BLOCK
    model = MovieModel(config).eval()
    nn.init.normal_(model.query_tokens)
    return model


@pytest.fixture
def former() -> FilmIdFormer:
    torch.manual_seed(1)
    former = FilmIdFormer(film_id_former(32))
    nn.init.normal_(former.identity_attention.out_proj.weight, std=0.1)
    return former


def picture(num_words: int, num_frames: int = 1) -> Media:
    return Media(guidance_ids=torch.randint(5, 90, (num_words,)), pixels=torch.randn(num_frames, 3, 112, 112))


def film(num_frames: int, num_words: int = 3) -> Media:
    return Media(guidance_ids=torch.randint(5, 90, (num_words,)), features=torch.randn(num_frames, 65, 32).half())


def all_kinds() -> list[list[Piece]]:
    """Return samples with pictures, a long video, films whole, thinned and cut, people, and the same frames twice."""
    torch.manual_seed(2)
    first, second, third, test = (picture(words) for words in (4, 9, 30, 5))
    again = replace(first, guidance_ids=torch.randint(5, 90, (7,)))
    thinned = replace(film(9), frame_indices=torch.tensor([0, 3, 4, 6, 8]))
    people = ((second,), (third, first))
    return [
        [Piece(media=first), Piece(media=again), Piece(media=picture(5, num_frames=6))],
        [Piece(media=film(5)), Piece(media=thinned, rows=slice(1, 7))],
        [],
        [Piece(media=second), Piece(media=third), Piece(media=test, references=people), Piece(media=picture(5, 2))],
    ]


def one_by_one(model: MovieModel, former: FilmIdFormer | None, pieces: list[list[Piece]]) -> Tensor:
    """Return what each medium gives by itself, by the model's own forward pass."""
    rows = []
    for piece in (piece for sample in pieces for piece in sample):
        media = piece.media
        if piece.references and former is not None:
            seen = [torch.cat([model.encode_frames(one.pixels)[:, 1:] for one in who]) for who in piece.references]
            present = torch.ones(media.num_frames, len(seen), dtype=torch.bool)
            conditioning = Conditioning(modulate=former, memory=former.remember(seen), present=present)
            media = replace(media, conditioning=conditioning)
        tokens = model.frame_tokens(media).flatten(0, 1)
        rows.append(tokens if piece.rows is None else tokens[piece.rows])
    return torch.cat(rows)


def gradients(tokens: Tensor, *modules: nn.Module) -> list[Tensor | None]:
    weights = torch.randn(tokens.shape, generator=torch.Generator().manual_seed(3))
    (tokens * weights).sum().backward()
    found = []
    for module in modules:
        for weight in module.parameters():
            found.append(weight.grad)
            weight.grad = None
    return found


@pytest.mark.parametrize("recomputes", [False, True])
@pytest.mark.parametrize("has_former", [False, True])
def test_media_read_together_are_read_as_each_by_itself(
    model: MovieModel, former: FilmIdFormer, recomputes: bool, has_former: bool
) -> None:
    pieces, own = all_kinds(), former if has_former else None
    expected = one_by_one(model, own, pieces)
    modules = [model, *([former] if has_former else [])]
    expected_gradients = gradients(expected, *modules)
    rows = FrameEncoder(model, own, recomputes=recomputes)(pieces)
    assert not rows[0].any(), "the empty frame adds nothing"
    torch.testing.assert_close(rows[1:], expected, rtol=1e-4, atol=2e-5)
    found = gradients(rows[1:] + rows[0], *modules)
    assert sum(gradient is not None for gradient in expected_gradients) > 20
    for gradient, other in zip(found, expected_gradients, strict=True):
        if other is not None:
            assert gradient is not None
            torch.testing.assert_close(gradient.view_as(other), other, rtol=1e-3, atol=2e-4)


def test_the_encoders_run_a_few_times_for_many_pictures(model: MovieModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """32 pictures in blocks of four are eight runs of each encoder, and no frame is read twice or never."""
    sizes: dict[str, list[int]] = {"tower": [], "decoder": []}
    model.vision_tower.register_forward_hook(lambda _, inputs, __: sizes["tower"].append(len(inputs[0])))
    model.text_decoder.register_forward_pre_hook(
        lambda _, __, named: sizes["decoder"].append(len(named["input_ids"])), with_kwargs=True
    )
    FrameEncoder(model, None, recomputes=False)([[Piece(media=picture(6 + number % 3))] for number in range(32)])
    assert sizes["tower"] == [BLOCK] * 8
    assert sizes["decoder"] == [1] + [BLOCK] * 8, "the empty frame goes first"


def test_bundles_hold_what_pads_little() -> None:
    torch.manual_seed(0)
    media = [picture(40), film(3, 40), picture(38, 2), picture(1), film(7, 2), picture(39, 2)]
    parts = [part for one in media for part in split_media(one, torch.zeros(9, 65, 32), size=BLOCK)]
    assert [part.num_frames for part in parts] == [1, 3, 2, 1, 4, 3, 2]
    bundles = bundle_parts(parts, size=BLOCK, num_queries=8)
    assert sorted(place for bundle in bundles for place in bundle) == list(range(7))
    for bundle in bundles:
        own = [parts[place] for place in bundle]
        assert sum(part.num_frames for part in own) <= BLOCK
        assert len({part.reads_class_token for part in own}) == 1
        lengths = [8 + len(part.guidance_ids) for part in own]
        assert 2 * min(lengths) >= max(lengths)
    assert bundle_parts(parts[:1], size=BLOCK, num_queries=8) == [[0]]
