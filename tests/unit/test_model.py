"""The model alone: nothing remembered, batches equal singles, any language model, clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import GPTNeoXConfig, PreTrainedConfig, Qwen2Config

from movieqa.errors import ConfigError
from movieqa.model import Media, MovieConfig, MovieModel
from movieqa.model.config import count_content_tokens, llama_vid_7b, llama_vid_13b, tiny
from movieqa.model.tokens import pool_patches
from movieqa.prompt import FRAME_SLOT, IGNORED_LABEL
from tests.tiny_checkpoint import make_tiny_model

GUIDANCE = torch.tensor([2, 60, 70, 3])


@pytest.fixture(scope="module")
def model() -> MovieModel:
    torch.set_num_threads(1)
    return make_tiny_model()


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.rand(5, 3, 112, 112, generator=torch.Generator().manual_seed(1))


def prompt(num_frames: int, *, before: int = 3, after: int = 4, per_frame: int = 2) -> Tensor:
    words = torch.arange(5, 5 + before + after)
    return torch.cat([words[:before], torch.full((num_frames * per_frame,), FRAME_SLOT), words[before:]])


def pad(rows: list[Tensor], *, left: bool) -> tuple[Tensor, Tensor]:
    length = max(map(len, rows))
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for row, words in enumerate(rows):
        place = slice(length - len(words), length) if left else slice(0, len(words))
        ids[row, place], mask[row, place] = words, True
    return ids, mask


@torch.no_grad()
def test_batch_of_mixed_media_equals_each_alone(model: MovieModel, pixels: Tensor) -> None:
    film = Media(guidance_ids=GUIDANCE, features=model.encode_frames(pixels[:4]).half())
    samples = [
        (
            torch.cat([prompt(1), prompt(1, before=1)]),
            [Media(guidance_ids=g, pixels=pixels[:1]) for g in (GUIDANCE, GUIDANCE[1:])],
        ),
        (prompt(5), [Media(guidance_ids=GUIDANCE, pixels=pixels)]),
        (prompt(4), [film]),
        (torch.tensor([1, 8, 9]), []),
    ]
    ids, mask = pad([row for row, _ in samples], left=False)
    together = model(ids, media=[media for _, media in samples], attention_mask=mask).logits
    answers_ids, answers_mask = pad([row for row, _ in samples], left=True)
    options = {"max_new_tokens": 6, "do_sample": False}
    answers = model.generate(answers_ids, media=[media for _, media in samples], attention_mask=answers_mask, **options)
    chunked = model.generate(
        answers_ids,
        media=[media for _, media in samples],
        attention_mask=answers_mask,
        prefill_chunk=3,
        **options,
    )
    assert torch.equal(answers, chunked)
    for index, (row, media) in enumerate(samples):
        alone = model(row[None], media=[media]).logits
        assert_close(together[index, : len(row)], alone[0], rtol=0, atol=1e-4)
        answer = model.generate(row[None], media=[media], **options)[0]
        assert answers[index, : len(answer)].tolist() == answer.tolist()


@torch.no_grad()
@pytest.mark.parametrize("block", [1, 2, 64])
def test_blocks_of_frames_change_nothing(model: MovieModel, pixels: Tensor, block: int) -> None:
    media = Media(guidance_ids=GUIDANCE, pixels=pixels)
    whole = model.frame_tokens(media)
    config = MovieConfig.from_dict({**model.config.to_dict(), "frames_per_block": block})
    other = MovieModel(config).eval()
    other.load_state_dict(model.state_dict())
    assert_close(other.frame_tokens(media), whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_chosen_frames_of_a_film(model: MovieModel, pixels: Tensor) -> None:
    features = model.encode_frames(pixels).half()
    chosen = torch.tensor([0, 3, 4])
    some = Media(guidance_ids=GUIDANCE, features=features, frame_indices=chosen)
    whole = Media(guidance_ids=GUIDANCE, features=features)
    assert (some.num_frames, whole.num_frames) == (3, 5)
    assert_close(model.frame_tokens(some), model.frame_tokens(whole)[chosen], rtol=0, atol=1e-5)
    for wrong in (torch.tensor([5]), torch.tensor([-1]), torch.tensor([[0]])):
        with pytest.raises(ConfigError, match="among the 5 frames"):
            Media(guidance_ids=GUIDANCE, features=features, frame_indices=wrong)
    with pytest.raises(ConfigError, match="among the 0 frames"):
        Media(guidance_ids=GUIDANCE, pixels=pixels, frame_indices=chosen)


@torch.no_grad()
def test_guidance_is_not_remembered(model: MovieModel, pixels: Tensor) -> None:
    first = Media(guidance_ids=GUIDANCE, pixels=pixels)
    before = model.frame_tokens(first)
    other = model.frame_tokens(Media(guidance_ids=torch.tensor([2, 99, 3]), pixels=pixels))
    assert torch.equal(model.frame_tokens(first), before)
    assert torch.equal(other[:, 1:], before[:, 1:])  # content tokens do not depend on the text
    assert (other[:, 0] - before[:, 0]).abs().max() > 1e-3


@torch.no_grad()
def test_one_video_in_two_turns_is_encoded_once(model: MovieModel, pixels: Tensor) -> None:
    calls = []
    handle = model.vision_tower.register_forward_hook(lambda *_: calls.append(1))
    media = [Media(guidance_ids=GUIDANCE, pixels=pixels), Media(guidance_ids=GUIDANCE[:2], pixels=pixels)]
    model(torch.cat([prompt(5), prompt(5)])[None], media=[media])
    handle.remove()
    assert len(calls) == 1


@torch.no_grad()
def test_first_token_needs_one_row_of_logits(model: MovieModel, pixels: Tensor) -> None:
    rows: list[int] = []
    head = model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _, arguments, __: rows.append(arguments[0].shape[1]))
    model.generate(prompt(5)[None], media=[[Media(guidance_ids=GUIDANCE, pixels=pixels)]], max_new_tokens=2)
    handle.remove()
    assert set(rows) == {1}


def test_loss_needs_only_learned_positions_and_equals_the_whole(model: MovieModel, pixels: Tensor) -> None:
    media = [[Media(guidance_ids=GUIDANCE, pixels=pixels)], []]
    ids, mask = pad([prompt(5), torch.tensor([1, 8, 9, 10])], left=False)
    labels = torch.full_like(ids, IGNORED_LABEL)
    labels[0, -3:], labels[1, 2:4] = ids[0, -3:], ids[1, 2:4]
    outputs = model(ids, media=media, attention_mask=mask, labels=labels)
    whole = model(ids, media=media, attention_mask=mask).logits
    expected = nn.functional.cross_entropy(whole[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    assert outputs.logits.shape[1] == 5
    assert_close(outputs.loss, expected)
    assert_close(model(ids, media=media, attention_mask=mask, labels=labels, num_items_in_batch=10).loss, expected / 2)
    assert_close(model(ids, media=media, attention_mask=mask, labels=labels, logits_to_keep=0).loss, expected)
    outputs.loss.backward()
    grads = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert not any(name.startswith("vision_tower") for name in grads)
    assert {"query_tokens", "content_projector.2.weight", "context_attention.value_projector.weight"} <= grads
    assert model.context_attention.key_projector.bias.grad is None
    model.zero_grad(set_to_none=True)
    nothing = model(ids, media=media, attention_mask=mask, labels=torch.full_like(ids, IGNORED_LABEL)).loss
    assert float(nothing.detach()) == 0.0


@pytest.mark.parametrize(
    "language",
    [
        Qwen2Config(
            vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        ),
        GPTNeoXConfig(
            vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            bos_token_id=1, eos_token_id=2, pad_token_id=0,
        ),
    ],
    ids=["qwen2", "gpt_neox"],
)  # fmt: skip
def test_any_causal_language_model_saved_and_loaded(language: PreTrainedConfig, tmp_path: Path, pixels: Tensor) -> None:
    model = make_tiny_model(tiny(text_config=language, pooling="grid", grid_size=2))
    media = [[Media(guidance_ids=GUIDANCE, pixels=pixels)]]
    ids = prompt(5, per_frame=5)[None]
    with torch.no_grad():
        logits = model(ids, media=media).logits
    answer = model.generate(ids, media=media, max_new_tokens=4, do_sample=False)
    assert torch.equal(answer, model.generate(ids, media=media, max_new_tokens=4, do_sample=False, prefill_chunk=4))
    model.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    again, info = MovieModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    with torch.no_grad():
        assert torch.equal(again.eval()(ids, media=media).logits, logits)


def test_presets_are_the_published_sizes() -> None:
    with torch.device("meta"):
        parameters = {name: sum(p.numel() for p in MovieModel(config).parameters()) for name, config in (
            ("7b", llama_vid_7b(is_long=True)), ("13b", llama_vid_13b()))}  # fmt: skip
    key_bias = 39 * 1408  # a zero that published files leave out
    assert parameters == {"7b": 7_941_388_160 + key_bias, "13b": 14_231_160_704 + key_bias}
    assert llama_vid_7b(image_size=336, pooling="none").num_tokens_per_frame == 577
    assert llama_vid_7b(is_long=True).language.rope_parameters["factor"] == 16.0


@pytest.mark.parametrize(
    ("pooling", "grid_size", "patches", "count"),
    [("mean", 2, 50, 1), ("none", 2, 50, 50), ("grid", 2, 256, 4), ("grid", 4, 256, 16), ("grid", 3, 256, 9),
     ("grid", 3, 64, 16), ("grid", 16, 256, 256)],
)  # fmt: skip
def test_content_token_counts(pooling: str, grid_size: int, patches: int, count: int) -> None:
    assert count_content_tokens(patches, pooling, grid_size) == count
    assert pool_patches(torch.rand(2, patches, 4), pooling, grid_size).shape == (2, count, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "pooling='max' is not one of"),
        ({"projector": "mlp9x_gelu"}, "projector='mlp9x_gelu' is not one of"),
        ({"pooling": "grid", "grid_size": 17}, "grid_size=17 must be between 2 and 16"),
        ({"pooling": "grid", "grid_size": 1}, "grid_size=1 must be between"),
        ({"frames_per_block": 0}, "at least 1"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MovieConfig(**options)


def test_patches_that_are_no_square_are_refused() -> None:
    with pytest.raises(ConfigError, match="50 patches are no square"):
        pool_patches(torch.rand(1, 50, 4), "grid", 2)
    with pytest.raises(ConfigError, match="not a whole number of patches"):
        MovieConfig(vision_config={"image_size": 100})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either pixels or features"),
        ({"pixels": torch.zeros(1, 3, 8, 8), "features": torch.zeros(1, 2, 2)}, "either pixels or features"),
        ({"pixels": torch.zeros(3, 8, 8)}, r"shape \[T, 3, H, W\]"),
        ({"features": torch.zeros(3, 8)}, r"shape \[T, 1\+P, C\]"),
        ({"pixels": torch.zeros(0, 3, 8, 8)}, "without a frame"),
    ],
)
def test_media_that_cannot_be_are_refused(given: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Media(guidance_ids=GUIDANCE, **given)
    with pytest.raises(ConfigError, match="one row of tokens"):
        Media(guidance_ids=GUIDANCE[None], pixels=torch.zeros(1, 3, 8, 8))


@torch.no_grad()
def test_calls_that_cannot_work_are_refused(model: MovieModel, pixels: Tensor) -> None:
    media = [[Media(guidance_ids=GUIDANCE, pixels=pixels)]]
    with pytest.raises(ConfigError, match="8 frame slots for 10 frame tokens"):
        model(prompt(4)[None], media=media)
    with pytest.raises(ConfigError, match="10 frame slots for 0 frame tokens"):
        model(prompt(5)[None])
    with pytest.raises(ConfigError, match="2 prompts were given with the media of 1"):
        model(prompt(5)[None].repeat(2, 1), media=media)
    with pytest.raises(ConfigError, match="either input_ids or inputs_embeds"):
        model()
    with pytest.raises(ConfigError, match="either input_ids or inputs_embeds"):
        model.generate()
    with pytest.raises(ConfigError, match="112 x 112 pixels, not"):
        model.encode_frames(torch.zeros(1, 3, 56, 56))
    with pytest.raises(ConfigError, match="not of this model, which has 65 rows of 32 a frame"):
        model.frame_tokens(Media(guidance_ids=GUIDANCE, features=torch.zeros(2, 257, 1408)))
    with pytest.raises(ConfigError, match="reads at most 260"):
        model.frame_tokens(Media(guidance_ids=torch.ones(300, dtype=torch.long), pixels=pixels))
    with pytest.raises(ConfigError, match="padded on the left"):
        mask = torch.ones(1, len(prompt(5)), dtype=torch.bool)
        mask[0, -1] = False
        model.generate(prompt(5)[None], media=media, attention_mask=mask)
    with pytest.raises(ConfigError, match="not with beams"):
        model.generate(prompt(5)[None], media=media, num_beams=2, prefill_chunk=4)


def test_beams_and_sampling_with_a_seed(model: MovieModel, pixels: Tensor) -> None:
    given = {"media": [[Media(guidance_ids=GUIDANCE, pixels=pixels)]], "max_new_tokens": 5}
    assert model.generate(prompt(5)[None], num_beams=3, **given).shape[1] <= 5
    answers = []
    for _ in range(2):
        torch.manual_seed(7)
        answers.append(model.generate(prompt(5)[None], do_sample=True, temperature=0.6, **given))
    assert torch.equal(*answers)


def test_training_with_gradient_checkpointing(pixels: Tensor) -> None:
    model = make_tiny_model(seed=3)
    media = [[Media(guidance_ids=GUIDANCE, pixels=pixels)]]
    ids = prompt(5)[None]
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.activation_checkpointing_enable()
        model.train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        model.text_decoder.config.attention_probs_dropout_prob = 0.0
        for layer in model.text_decoder.encoder.layer:
            layer.attention.attention.attention_dropout = 0.0
            if layer.has_cross_attention:
                layer.crossattention.attention.attention_dropout = 0.0
        model.zero_grad(set_to_none=True)
        model(ids, media=media, labels=ids.masked_fill(ids == FRAME_SLOT, IGNORED_LABEL)).loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert_close(gradients[1][name], gradient, rtol=1e-3, atol=1e-5)
