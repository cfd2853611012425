"""Plans with models, and conversion of published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from movieqa.errors import ConfigError
from movieqa.workspace import Workspace

from .film import PathLike
from .question import seconds

if TYPE_CHECKING:
    from movieqa.checkpoint import ConversionReport, FilmReport, IdaVlmReport
    from movieqa.features import FeatureKind
    from movieqa.model.cache import CacheKind
    from movieqa.model.loading import Quantisation
    from movieqa.plan import Plan
    from movieqa.plan_contents import FilmLength


def plan(
    film: PathLike,
    *,
    model: str,
    fps: float = 1.0,
    max_frames: int | None = None,
    answer_tokens: int = 512,
    features: FeatureKind = "float16",
    quantisation: Quantisation = "none",
    cache: CacheKind = "dynamic",
    device: str = "auto",
    until: float | str | None = None,
) -> Plan:
    """Work out what a film takes with a model before anything runs: tokens, memory, disk, time.

    Args:
        film: A workspace, or a film that has none yet.
        model: The model's folder or hub name; only its configuration is read.
        fps: Frames sampled a second, for a film without a workspace.
        max_frames: The most frames in the context; by default as many as fit.
        answer_tokens: Room for the longest answer.
        features: How features are stored, `float16` or `int8`.
        quantisation: Of the language model's weights.
        cache: How the model would keep what it has read, as in `ask`.
        device: Where it would run.
        until: Only the film up to this time.

    Returns:
        The plan; its `problem` says why it cannot be done, its `alternatives` what would fit.

    Raises:
        CheckpointError: There is no such model.
        ContextOverflowError: Not even one frame a shot fits into the model's context.
    """
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.loaded import choose_device, choose_dtype, find_folder, name_of, read_config
    from movieqa.model.cache import CacheSettings
    from movieqa.model.processor import MovieProcessor
    from movieqa.plan import PlanSettings, plan_film
    from movieqa.speed import available_memory, measure_speed

    folder = find_folder(model)
    config = read_config(folder)
    chosen = choose_device(device)
    settings = PlanSettings(
        max_frames=max_frames,
        answer_tokens=answer_tokens,
        features=features,
        quantisation=quantisation,
        cache=CacheSettings(kind=cache),
        until=seconds(until),
    )
    return plan_film(
        config,
        Workspace.open(film) if Path(film).is_dir() else _film_length(Path(film), fps),
        settings,
        name=name_of(model),
        processor=MovieProcessor.from_pretrained(folder),
        available=available_memory(chosen),
        speed=measure_speed(chosen, dtype=choose_dtype(config, device=chosen)),
    )


def _film_length(film: Path, fps: float) -> FilmLength:
    from movieqa.plan_contents import FilmLength
    from movieqa.preprocess.probe import probe

    return FilmLength(duration=probe(film).duration, fps=fps)


def convert(
    source: PathLike,
    target: PathLike,
    *,
    vision_tower: PathLike | None = None,
    text_decoder: PathLike | None = None,
    language_model: PathLike | None = None,
    guidance_tokenizer: PathLike = "bert-base-uncased",
    model: str | None = None,
    fps: float = 1.0,
    subtitles: Sequence[PathLike] = (),
    report: PathLike | None = None,
) -> ConversionReport | IdaVlmReport | FilmReport:
    """Convert published weights, or a published film's features, to movieqa's formats; strictly.

    What the source is shows in what it holds: a LLaMA-VID release becomes a model to ask, an IDA-VLM release a folder
    with its ID-Former and its visual tower, a film's pickle of features a workspace, and a language model with the two
    LAVIS files the model that training starts from.

    Args:
        source: A LLaMA-VID or IDA-VLM release, a film's `.pkl` of features, or a language model's folder (Vicuna).
        target: A new folder.
        vision_tower: LAVIS `eva_vit_g.pth`, for a source without a vision tower.
        text_decoder: A trimmed InstructBLIP Q-Former, for a source without a text decoder.
        language_model: The language model's folder, for a stage-1 release.
        guidance_tokenizer: The text decoder's tokenizer, a folder or hub name.
        model: For a film, the model that is to be asked about it: its folder or hub name.
        fps: For a film, its frames a second; the published ones have one.
        subtitles: For a film, subtitle files; by default the lines that stand between its features.
        report: Where to write what is returned, as JSON: of weights the parity report.

    Returns:
        What was converted: of weights, tensor by tensor.

    Raises:
        CheckpointError: A tensor is missing, surplus, misshapen or not finite, a file is damaged or would run code,
            a film's features are not of the model, or the target exists.
        ConfigError: A film without a model, a language model without the LAVIS files, no folder for the report, or a
            setting that cannot work.
        SubtitleError: A subtitle file cannot be read.
    """
    from movieqa.answerers import check_model_packages

    check_model_packages()
    from movieqa.checkpoint import convert_checkpoint, convert_ida_vlm, kind_of, start_checkpoint

    if report is not None and (Path(report).is_dir() or not Path(report).absolute().parent.is_dir()):
        raise ConfigError(f"{report}: no report can be written there", hint="name a file in a folder that exists")
    match kind_of(source):
        case "film":
            film = _convert_film(source, target, model=model, fps=fps, subtitles=subtitles)
            if report is not None:
                film.save(report)
            return film
        case "ida-vlm":
            return convert_ida_vlm(source, target, report=report)
        case "language-model":
            if vision_tower is None or text_decoder is None:
                raise ConfigError(
                    f"{source} holds a language model that sees nothing",
                    hint="give a LLaMA-VID release; or add --vision-tower and --text-decoder, to train from there",
                )
            return start_checkpoint(
                source,
                target,
                vision_tower=vision_tower,
                text_decoder=text_decoder,
                guidance_tokenizer=guidance_tokenizer,
                report=report,
            )
        case "llama-vid":
            return convert_checkpoint(
                source,
                target,
                vision_tower=vision_tower,
                text_decoder=text_decoder,
                language_model=language_model,
                guidance_tokenizer=guidance_tokenizer,
                report=report,
            )


def _convert_film(
    source: PathLike, target: PathLike, *, model: str | None, fps: float, subtitles: Sequence[PathLike]
) -> FilmReport:
    from movieqa.loaded import read_tower
    from movieqa.preprocess.published_film import PublishedFilmConfig, convert_film

    if model is None:
        raise ConfigError(
            f"{source} holds a film's features, which mean something to one model only",
            hint="name it with --model or MOVIEQA_MODEL",
        )
    config = PublishedFilmConfig(fps=fps, subtitles=tuple(Path(file) for file in subtitles))
    return convert_film(source, target, read_tower(model), config)
