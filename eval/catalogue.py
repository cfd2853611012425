"""The catalogue of benchmarks: names, licences, where a user gets the data, what reads and what scores each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .readers import (
    cinepile,
    egoschema,
    grounding,
    long_video_bench,
    lvbench,
    mf2,
    mlvu,
    mm_id,
    moviechat,
    moviellm,
    own,
    video_chatgpt,
    video_mme,
    video_qa,
)
from .readers.glimpse import Glimpse
from .sample import Sample

SEE_HOMEPAGE = "see homepage"
_NON_COMMERCIAL = "CC BY-NC-SA 4.0"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark that can be read.

    Attributes:
        name: What `--benchmark` takes.
        title: What its authors call it.
        summary: What is asked, in a few words.
        licence: Of questions and answers, not of the films.
        homepage: Where a user gets the data.
        files: Names of the published files, as `Path.glob` reads them; the first that is in a folder is read.
        reader: Makes samples of a file or folder.
        is_told_by: Whether a file that begins so can be of this benchmark.
        scorers: What gives numbers to it by default.
    """

    name: str
    title: str
    summary: str
    licence: str = SEE_HOMEPAGE
    homepage: str
    files: tuple[str, ...]
    reader: Callable[[Path], tuple[Sample, ...]]
    is_told_by: Callable[[Glimpse], bool]
    scorers: tuple[str, ...]


_QA_SCORERS = ("judge_qa", "exact", "token_f1")

CATALOGUE = (
    Benchmark(
        name="movieqa",
        title="Your own questions, and film world's",
        summary="any task, JSON lines",
        licence="yours",
        homepage="docs/evaluation-data.md; movieqa synthesize film-world makes films with questions",
        files=own.FILES,
        reader=own.read_own,
        is_told_by=lambda file: file.has("id", "film", "question"),
        scorers=("choice", "exact", "token_f1", "grounding", "soda", "captioning", "box", "yes_no"),
    ),
    Benchmark(
        name="msvd-qa",
        title="MSVD-QA",
        summary="short open questions, short clips",
        homepage="https://github.com/xudejing/video-question-answering",
        files=video_qa.MSVD_FILES,
        reader=video_qa.read_msvd_qa,
        is_told_by=lambda file: file.has("video_id", "question", "id", "answer") and not file.has("category_id"),
        scorers=_QA_SCORERS,
    ),
    Benchmark(
        name="msrvtt-qa",
        title="MSRVTT-QA",
        summary="short open questions, short clips",
        homepage="https://github.com/xudejing/video-question-answering",
        files=video_qa.MSRVTT_FILES,
        reader=video_qa.read_msrvtt_qa,
        is_told_by=lambda file: file.has("video_id", "question", "id", "answer"),
        scorers=_QA_SCORERS,
    ),
    Benchmark(
        name="activitynet-qa",
        title="ActivityNet-QA",
        summary="short open questions, clips of minutes",
        homepage="https://github.com/MILVLG/activitynet-qa",
        files=video_qa.ACTIVITYNET_FILES,
        reader=video_qa.read_activitynet_qa,
        is_told_by=lambda file: file.has("video_name", "question", "question_id"),
        scorers=_QA_SCORERS,
    ),
    Benchmark(
        name="video-chatgpt",
        title="Video-ChatGPT's five scores",
        summary="open questions, graded for correctness, detail, context, temporal order, consistency",
        homepage="https://github.com/mbzuai-oryx/Video-ChatGPT",
        files=video_chatgpt.FILES,
        reader=video_chatgpt.read_video_chatgpt,
        is_told_by=lambda file: file.has("video_name", "Q", "A") or file.has("video_name", "Q1", "Q2"),
        scorers=("video_chatgpt",),
    ),
    Benchmark(
        name="moviellm",
        title="MovieLLM's long films",
        summary="open questions about whole films; `movieqa judge` compares two runs",
        homepage="https://github.com/Deaddawn/MovieLLM-code",
        files=moviellm.FILES,
        reader=moviellm.read_moviellm,
        is_told_by=lambda file: {"movie_title", "QA"} <= file.names,
        scorers=("judge_qa",),
    ),
    Benchmark(
        name="mm-id",
        title="MM-ID",
        summary="people in pictures: matching, location, questions, captions",
        homepage="https://github.com/jiyt17/IDA-VLM",
        files=mm_id.FILES,
        reader=mm_id.read_mm_id,
        is_told_by=lambda file: file.has("id", "type", "question", "image_1"),
        scorers=("matching", "box", "mmid_judge"),
    ),
    Benchmark(
        name="activitynet-captions",
        title="ActivityNet Captions",
        summary="when something happens; all that happens and when",
        homepage="https://cs.stanford.edu/people/ranjaykrishna/densevid/",
        files=grounding.ACTIVITYNET_FILES,
        reader=grounding.read_activitynet_captions,
        is_told_by=lambda file: {"duration", "timestamps", "sentences"} <= file.inner,
        scorers=("grounding", "soda", "captioning"),
    ),
    Benchmark(
        name="charades-sta",
        title="Charades-STA",
        summary="when something happens, half-minute clips",
        homepage="https://github.com/jiyanggao/TALL",
        files=grounding.CHARADES_FILES,
        reader=grounding.read_charades_sta,
        is_told_by=lambda file: grounding.CHARADES_LINE.fullmatch(file.line) is not None,
        scorers=("grounding",),
    ),
    Benchmark(
        name="tacos",
        title="TACoS",
        summary="when something happens, kitchen films",
        homepage="https://github.com/microsoft/2D-TAN",
        files=grounding.TACOS_FILES,
        reader=grounding.read_tacos,
        is_told_by=lambda file: {"timestamps", "sentences", "fps", "num_frames"} <= file.inner,
        scorers=("grounding",),
    ),
    Benchmark(
        name="qvhighlights",
        title="QVHighlights",
        summary="when something happens, several moments",
        homepage="https://github.com/jayleicn/moment_detr",
        files=grounding.QVHIGHLIGHTS_FILES,
        reader=grounding.read_qvhighlights,
        is_told_by=lambda file: file.has("qid", "query", "vid", "duration"),
        scorers=("qvhighlights", "grounding"),
    ),
    Benchmark(
        name="timelens",
        title="TimeLens-Bench",
        summary="when something happens, three sets annotated anew",
        homepage="https://github.com/TencentARC/TimeLens",
        files=grounding.TIMELENS_FILES,
        reader=grounding.read_timelens,
        is_told_by=lambda file: file.has("video_path", "query", "span") or {"spans", "queries"} <= file.inner,
        scorers=("grounding",),
    ),
    Benchmark(
        name="video-mme",
        title="Video-MME",
        summary="options, videos of seconds to an hour",
        homepage="https://github.com/MME-Benchmarks/Video-MME",
        files=video_mme.FILES,
        reader=video_mme.read_video_mme,
        is_told_by=lambda file: file.has("videoID", "question_id", "question", "options", "duration"),
        scorers=("choice",),
    ),
    Benchmark(
        name="video-mme-v2",
        title="Video-MME-v2",
        summary="options, questions in groups that count together",
        homepage="https://github.com/MME-Benchmarks/Video-MME",
        files=video_mme.FILES,
        reader=video_mme.read_video_mme_v2,
        is_told_by=lambda file: file.has("video_id", "question_id", "group_type", "group_structure"),
        scorers=("videomme_v2",),
    ),
    Benchmark(
        name="mlvu",
        title="MLVU",
        summary="nine tasks, options and open, videos of minutes to hours",
        licence=SEE_HOMEPAGE,
        homepage="https://github.com/JUNJIE99/MLVU",
        files=mlvu.FILES,
        reader=mlvu.read_mlvu,
        is_told_by=lambda file: file.has("video", "question", "question_type") or file.has("video_name", "task_type"),
        scorers=("mlvu", "mlvu_judge"),
    ),
    Benchmark(
        name="longvideobench",
        title="LongVideoBench",
        summary="options, pictures and spoken lines interleaved",
        homepage="https://longvideobench.github.io",
        files=long_video_bench.FILES,
        reader=long_video_bench.read_long_video_bench,
        is_told_by=lambda file: file.has("video_id", "id", "question", "duration_group"),
        scorers=("longvideobench",),
    ),
    Benchmark(
        name="lvbench",
        title="LVBench",
        summary="options, videos of an hour and more",
        licence=_NON_COMMERCIAL,
        homepage="https://lvbench.github.io",
        files=lvbench.FILES,
        reader=lvbench.read_lvbench,
        is_told_by=lambda file: file.has("key", "qa") or file.has("video_path", "question", "options", "answer"),
        scorers=("lvbench",),
    ),
    Benchmark(
        name="moviechat-1k",
        title="MovieChat-1K",
        summary="open questions, whole clips and single moments",
        homepage="https://github.com/rese1f/MovieChat",
        files=moviechat.FILES,
        reader=moviechat.read_moviechat,
        is_told_by=lambda file: (
            {"info", "global"} <= file.names
            or (file.has("video_name", "question", "answer") and not file.keys & {"task_type", "question_id"})
        ),
        scorers=("judge_qa",),
    ),
    Benchmark(
        name="cinepile",
        title="CinePile",
        summary="options, scenes of films with their dialogue",
        homepage="https://ruchitrawal.github.io/cinepile",
        files=cinepile.FILES,
        reader=cinepile.read_cinepile,
        is_told_by=lambda file: file.has("yt_clip_link", "choices", "answer_key_position"),
        scorers=("cinepile",),
    ),
    Benchmark(
        name="mf2",
        title="Movie Facts and Fibs (MF2)",
        summary="true or false, pairs of statements about whole films",
        licence=_NON_COMMERCIAL,
        homepage="https://github.com/deep-spin/MF2",
        files=mf2.FILES,
        reader=mf2.read_mf2,
        is_told_by=lambda file: file.has("movie_id", "claim_id", "true_claim", "false_claim"),
        scorers=("mf2",),
    ),
    Benchmark(
        name="egoschema",
        title="EgoSchema",
        summary="options, three minutes of somebody's day",
        homepage="https://egoschema.github.io",
        files=egoschema.FILES,
        reader=egoschema.read_egoschema,
        is_told_by=lambda file: file.has("q_uid", "option 0") or file.has("video_idx", "question", "option"),
        scorers=("egoschema",),
    ),
)
