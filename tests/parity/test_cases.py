"""Whole runs against the recordings: spliced embeddings, masks, labels, loss, logits, greedy answers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from movieqa.checkpoint import read_film_pickle
from movieqa.model import Media, MovieModel
from movieqa.model.cache import CacheSettings
from movieqa.model.processor import MovieProcessor
from tests.parity.conftest import with_pooling
from tests.parity.recordings import FEATURES, FOLDER, LOGITS, arrays, expand, expand_batch, texts


class Cases:
    """The media of every recorded case."""

    def __init__(self, processor: MovieProcessor) -> None:
        pictures = arrays("preprocess")
        self.processor = processor
        self.wide, self.tall = pictures["pad_wide"][None], pictures["pad_tall"][None]
        self.exact, self.crop = pictures["crop_exact"][None], pictures["crop_wide"][None]
        self.video = processor.preprocess([frame.numpy() for frame in arrays("vision")["frames_u8"]])
        self.film = torch.from_numpy(read_film_pickle(FOLDER / "movie.pkl").features.copy())

    def media(self, case: str) -> list[list[Media]]:
        frames: dict[str, list[Tensor | None]] = {
            "image": [self.wide],
            "video5": [self.video],
            "two_turn": [self.tall],
            "two_turn_first": [self.tall],
            "two_turn_second": [self.tall],
            "batch": [self.tall, None, self.exact],
            "mixed": [self.video, self.wide],
        }
        guidance = texts()["cases"][case].get("prompts") or texts()["cases"][case]["text_guidance"]
        if case == "long":
            return [[Media(guidance_ids=self.processor.guidance_ids(guidance[0][0]), features=self.film)]]
        return [
            [Media(guidance_ids=self.processor.guidance_ids(text), pixels=pixels) for text in prompts]
            if pixels is not None
            else []
            for pixels, prompts in zip(frames[case], guidance, strict=True)
        ]


@pytest.fixture(scope="module")
def cases(processor: MovieProcessor) -> Cases:
    return Cases(processor)


@torch.no_grad()
def check_run(model: MovieModel, recorded: dict[str, Tensor], media: list[list[Media]], prefix: str = "") -> None:
    """Compare one recorded run with ours, stage by stage."""
    per_frame = model.config.num_tokens_per_frame
    is_film = media[0] and media[0][0].features is not None
    counts = [
        [1] * (item.num_frames * per_frame) if is_film else [item.num_frames * per_frame]
        for sample in media
        for item in sample
    ]
    per_sample: list[list[int]] = []
    remaining = iter(counts)
    for sample in media:
        per_sample.append([number for _ in sample for number in next(remaining)])
    input_ids, mask, labels = expand_batch(recorded, per_sample)
    assert torch.equal(mask, recorded[f"{prefix}attention_mask"])
    assert torch.equal(labels, recorded[f"{prefix}labels"])
    embeddings = model.embed_prompt(input_ids, media)
    assert_close(embeddings[mask], recorded[f"{prefix}inputs_embeds"][mask], **FEATURES)
    attention_mask = None if bool(mask.all()) else mask
    outputs = model(input_ids, media=media, attention_mask=attention_mask, labels=labels)
    assert_close(outputs.loss, recorded[f"{prefix}loss"], rtol=0, atol=1e-5)
    if f"{prefix}logits_sel" in recorded:
        index = recorded["logits_index"]
        whole = model(input_ids, media=media, attention_mask=attention_mask).logits
        assert whole.shape[1] == input_ids.shape[1]
        is_real = mask[:, index]
        assert_close(whole[:, index][is_real], recorded["logits_sel"][is_real], **LOGITS)
        some = model(input_ids, media=media, attention_mask=attention_mask, logits_to_keep=index).logits
        assert_close(some[is_real], recorded["logits_sel"][is_real], **LOGITS)


@pytest.mark.parametrize("case", ["image", "video5", "two_turn", "batch", "mixed"])
def test_training_runs(model: MovieModel, cases: Cases, case: str) -> None:
    check_run(model, arrays(f"case_{case}"), cases.media(case))


def test_film_run(film_model: MovieModel, cases: Cases) -> None:
    check_run(film_model, arrays("case_long"), cases.media("long"))


@pytest.mark.parametrize(("case", "pooling"), [("image", "grid"), ("image", "none"), ("video5", "grid")])
def test_training_runs_of_other_poolings(model: MovieModel, cases: Cases, case: str, pooling: str) -> None:
    prefix = {"grid": "grid2_", "none": "none_"}[pooling]
    check_run(with_pooling(model, pooling), arrays(f"case_{case}"), cases.media(case), prefix)


def test_stage_1_run(model: MovieModel, cases: Cases) -> None:
    recorded = arrays("case_stage1")
    guidance = cases.processor.guidance_ids(texts()["stage1"][0]["prompt"][0])
    whole = {**recorded, "attention_mask_in": torch.ones_like(recorded["input_ids"], dtype=torch.bool)}
    check_run(model, whole, [[Media(guidance_ids=guidance, pixels=cases.crop)]])


@torch.no_grad()
def test_film_tokens(film_model: MovieModel, cases: Cases) -> None:
    recorded = arrays("case_long")
    film = cases.media("long")[0][0]
    assert film.features is not None
    features = film.features.float()
    tokens = film_model.frame_tokens(film)
    assert_close(tokens.flatten(0, 1)[None], recorded["tokens"], **FEATURES)
    queries = film_model.read_frames(film_model.image_norm(features[:, 1:]), film.guidance_ids)
    pooled = film_model.context_attention.pool(queries, features[:, 1:])
    assert_close(pooled[:, None], recorded["ctx_pooled"], **FEATURES)
    wrong = film_model.context_tokens(features[:4], film.guidance_ids, reads_class_token=True)
    assert_close(wrong, recorded["tokens_cls_kept_first4"][0, ::2], **FEATURES)
    assert (wrong - tokens[:4, 0]).abs().max() > 0.01


RUNS = [
    ("image", "case_image", ""),
    ("video5", "case_video5", ""),
    ("two_turn_first", "case_two_turn", "turn1_"),
    ("two_turn_second", "case_two_turn", "turn2_"),
    ("long", "case_long", ""),
]


@pytest.mark.parametrize(("case", "file", "prefix"), RUNS)
def test_greedy_answers(
    model: MovieModel, film_model: MovieModel, cases: Cases, case: str, file: str, prefix: str
) -> None:
    answering = film_model if case == "long" else model
    recorded, media = arrays(file), cases.media(case)
    counts = [1] * 132 if case == "long" else [media[0][0].num_frames * 2]
    input_ids, _ = expand(recorded[f"{prefix}gen_input_ids"][0], counts)
    if f"{prefix}gen_inputs_embeds" in recorded:
        embeddings = answering.embed_prompt(input_ids[None], media)
        assert_close(embeddings, recorded[f"{prefix}gen_inputs_embeds"], **FEATURES)
    outputs = answering.generate(
        input_ids[None],
        media=media,
        max_new_tokens=16,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    assert outputs.sequences[0].tolist() == recorded[f"{prefix}gen_ids"].tolist()
    scores = torch.cat(outputs.logits)
    assert_close(scores[:4], recorded[f"{prefix}gen_scores_first4"], **LOGITS)
    assert_close(scores.topk(2).values, recorded[f"{prefix}gen_top2"], **LOGITS)
    for cache, chunk in (
        (CacheSettings(kind="static"), 50),
        (CacheSettings(), 7),
        (CacheSettings(kind="static"), None),
    ):
        again = answering.generate(
            input_ids[None], media=media, max_new_tokens=16, do_sample=False, cache=cache, prefill_chunk=chunk
        )
        assert again[0].tolist() == recorded[f"{prefix}gen_ids"].tolist()
