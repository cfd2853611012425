"""`movieqa convert` on everything that was published: models, films, IDA-VLM; told apart by what is in the files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from movieqa import api
from movieqa.checkpoint import ConversionReport, FilmReport, IdaVlmReport, kind_of
from movieqa.errors import CheckpointError, MovieQAError
from movieqa.memory.id_former import IdFormer
from movieqa.memory.visual_tower import VisualTower
from movieqa.model.loading import load_model
from movieqa.workspace import Workspace
from tests.command import movieqa, movieqa_inside
from tests.tiny_checkpoint import (
    save_language_model_part,
    save_published,
    save_tiny_model,
    save_trimmed_text_decoder,
)

SRT = "1\n00:00:02,000 --> 00:00:03,000\nTake the key.\n\n2\n00:09:00,000 --> 00:09:01,000\nToo late.\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-random")


@pytest.fixture(scope="module")
def movie(assets: Path) -> Path:
    return assets / "golden" / "llama-vid" / "movie.pkl"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, movie: Path, model: Path) -> Path:
    """Convert the published film with the command."""
    folder = tmp_path_factory.mktemp("film")
    done = movieqa("convert", movie, "movie.movieqa", "--model", model, cwd=folder)
    assert done.code == 0 and "66 frames" in done.out and "no pictures" in done.out, done
    assert [path.name for path in folder.iterdir()] == ["movie.movieqa"]
    return folder / "movie.movieqa"


def test_a_published_film_is_asked(film: Path, model: Path) -> None:
    done = movieqa_inside(
        "ask", film, "--model", model, "--question", "Who gives the key?", "--answer-tokens", "8", "--json"
    )
    assert done.code == 0, done
    answer = done.json
    assert answer["answerer"] == "tiny-random" and answer["usage"]["frames_used"] == 66
    assert all(span["keyframe"] is None and 0 <= span["start"] < span["end"] <= 66 for span in answer["spans"])
    assert api.info(film, verify=True).is_verified
    assert api.ask(film, ["Who gives the key?"])[0].answerer == "extractive"


def test_what_needs_pictures_says_so(film: Path) -> None:
    done = movieqa_inside("report", film)
    assert "there are no pictures" in done.complaint and not (film.parent / "movie.html").exists()
    with pytest.raises(MovieQAError, match=r"there are no pictures, .* make a workspace of the film itself"):
        api.cast_find(film)
    assert "keyframe" in api.export(film).splitlines()[0]


def test_subtitles_of_ones_own(movie: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "film.srt").write_text(SRT)
    report = api.convert(movie, tmp_path / "film.movieqa", model=str(model), fps=2.0, subtitles=[tmp_path / "film.srt"])
    assert isinstance(report, FilmReport) and any("after the film's end" in note for note in report.notes)
    workspace = Workspace.open(tmp_path / "film.movieqa")
    assert [line.text for line in workspace.subtitles] == ["Take the key."]
    assert workspace.duration == 33 and workspace.frames.times[1] == 0.5 and not workspace.has_pictures


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("no model", "mean something to one model only; name it with --model"),
        ("another model", "65 rows of 32 a frame are not of model .*, whose frames have 257 rows"),
        ("exists", "exists already"),
        ("rate", "fps=0 must be"),
        ("code", "nothing in it was run"),
        ("subtitles", "no line in it belongs to this film"),
        ("nowhere", "does not exist"),
        ("report", "no report can be written there"),
    ],
)
def test_films_that_cannot_be_converted(
    movie: Path, model: Path, film: Path, tmp_path: Path, change: str, reason: str
) -> None:
    target, name, source = tmp_path / "new.movieqa", str(model), movie
    (tmp_path / "late.srt").write_text(SRT.replace("00:00:0", "00:07:0"))
    match change:
        case "another model":
            config = json.loads((model / "config.json").read_text())
            config["vision_config"]["image_size"] = 224
            shutil.copytree(model, tmp_path / "other")
            (tmp_path / "other" / "config.json").write_text(json.dumps(config))
            name = str(tmp_path / "other")
        case "exists":
            target = film
        case "code":
            source = tmp_path / "film"
            source.write_bytes(b"\x80\x04cos\nsystem\n(S'touch x'\ntR.")
        case "nowhere":
            source = tmp_path / "nowhere.pkl"
    with pytest.raises(MovieQAError, match=reason) as caught:
        api.convert(
            source,
            target,
            model=None if change == "no model" else name,
            fps=0 if change == "rate" else 1,
            subtitles=[tmp_path / "late.srt"] if change == "subtitles" else [],
            report=tmp_path / "no" / "report.json" if change == "report" else None,
        )
    assert "\n" not in str(caught.value)
    assert change == "exists" or not any("new.movieqa" in path.name for path in tmp_path.iterdir())


def test_a_release_is_converted_with_the_command(film: Path, tmp_path: Path) -> None:
    save_published(release := tmp_path / "release")
    done = movieqa_inside("convert", release, tmp_path / "model", "--guidance-tokenizer", release / "bert")
    assert done.code == 0 and "finished release" in done.out, done
    with pytest.raises(MovieQAError, match=r"no features of model model \(there are some of tiny-random\)"):
        api.ask(film, ["Who?"], model=str(tmp_path / "model"))


@pytest.fixture
def release(assets: Path, tmp_path: Path) -> Path:
    """A folder with IDA-VLM's visual part, under a name that tells nothing."""
    folder = tmp_path / "download"
    folder.mkdir()
    shutil.copy(assets / "golden" / "ida-vlm" / "e2e_two_rows.safetensors", folder / "model.safetensors")
    (folder / "config.json").write_text('{"visual": {"heads": 4, "image_size": 112}, "model_type": "qwen"}')
    return folder


def test_ida_vlm_is_told_by_its_tensors(release: Path) -> None:
    done = movieqa_inside("convert", release, release.parent / "ida", "--report", release.parent / "report.json")
    assert done.code == 0, done
    assert "ida/id-former" in done.out and "ida/visual-tower" in done.out
    assert "- Qwen-7B as tuned in the same release" in done.out and "- Qwen-VL's tokenizer" in done.out
    assert json.loads((release.parent / "report.json").read_text())["unused"] == ["transformer.wte.weight"]
    assert VisualTower.load(release.parent / "ida" / "visual-tower").config.num_heads == 4
    assert IdFormer.load(release.parent / "ida" / "id-former").config.num_queries == 16


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("missing", r"1 missing \(blocks.1.narrow.bias\)"),
        ("surplus", r"1 surplus \(transformer.more\)"),
        ("base", "plain resampler and no ID-Former"),
        ("config", "config.json cannot be read"),
    ],
)
def test_ida_vlm_is_converted_strictly(release: Path, change: str, reason: str) -> None:
    tensors = load_file(release / "model.safetensors")
    match change:
        case "missing":
            del tensors["transformer.visual.transformer.resblocks.1.mlp.c_proj.bias"]
        case "surplus":
            tensors["transformer.more"] = torch.ones(1)
        case "base":
            tensors = {name: tensor for name, tensor in tensors.items() if ".attn1." not in name}
        case "config":
            (release / "config.json").write_text("[]")
    save_file(tensors, release / "model.safetensors")
    with pytest.raises(MovieQAError, match=reason) as caught:
        api.convert(release, release.parent / "ida")
    assert "\n" not in str(caught.value)
    assert [path.name for path in release.parent.iterdir()] == ["download"]


def test_kinds_are_told_by_content(movie: Path, release: Path, tmp_path: Path) -> None:
    film = shutil.copy(movie, tmp_path / "film.bin")
    assert kind_of(film) == "film"
    for is_new in (True, False):
        torch.save({"blocks.0.norm1.bias": torch.ones(1)}, tmp_path / "a.pkl", _use_new_zipfile_serialization=is_new)
        with pytest.raises(CheckpointError, match=r"one file of weights \(blocks.0.norm1.bias, ...\); give a folder"):
            kind_of(tmp_path / "a.pkl")
    assert kind_of(release) == kind_of(release / "model.safetensors") == "ida-vlm"
    assert isinstance(api.convert(release / "model.safetensors", tmp_path / "ida"), IdaVlmReport)


def test_a_training_starts_from_published_parts(assets: Path, tmp_path: Path) -> None:
    golden = assets / "golden" / "llama-vid"
    save_language_model_part(golden / "checkpoint", tmp_path / "vicuna")
    assert kind_of(golden / "checkpoint") == kind_of(golden / "stage1") == "llama-vid"
    with pytest.raises(MovieQAError, match="holds a language model that sees nothing; give a LLaMA-VID release"):
        api.convert(tmp_path / "vicuna", tmp_path / "start")
    report = api.convert(
        tmp_path / "vicuna",
        tmp_path / "start",
        vision_tower=golden / "eva_vit_g.pth",
        text_decoder=save_trimmed_text_decoder(golden / "stage1", tmp_path / "qformer.pth"),
        guidance_tokenizer=golden / "bert-base-uncased",
    )
    assert isinstance(report, ConversionReport) and report.kind == "start"
    assert load_model(tmp_path / "start").config.template == "plain"
