"""Readers: what published files become, told by name and by content alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.benchmarks import find_benchmark, list_benchmarks, read_samples, tell_benchmark
from movieqa.eval.catalogue import Benchmark
from movieqa.eval.judging.scorers import JudgedAnswers, MLVUGeneration, MultimodalIdentity, VideoChatGPT
from movieqa.eval.prediction import Prediction
from movieqa.eval.readers.moviellm import read_moviellm_answers
from movieqa.eval.sample import Moment, Reference, Sample
from movieqa.eval.scorers.registry import SCORERS
from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import questions_jsonl
from tests.benchmark_files import OPTIONS, WRITERS, write_json, write_lines, write_table, write_text

BOAT = tuple(OPTIONS)

EXPECTED: dict[str, Sample] = {
    "movieqa": Sample(id="1", film="signs.mp4", question="Which word is signed?"),
    "msvd-qa": Sample(
        id="40",
        film="zAbc_3_9",
        question="what runs over the pier?",
        answer="dog",
        tags=("word:what",),
        benchmark="msvd-qa",
    ),
    "msrvtt-qa": Sample(
        id="9",
        film="video7010",
        question="What do they do?",
        answer="sing",
        tags=("word:what",),
        benchmark="msrvtt-qa",
    ),
    "activitynet-qa": Sample(
        id="a1_0",
        film="v_a1",
        question="is it windy",
        answer="yes",
        tags=("word:other", "type:yes/no"),
        benchmark="activitynet-qa",
    ),
    "video-chatgpt": Sample(
        id="consistency/v1_0/1",
        film="v1",
        question="Who rows?",
        answer="Otto.",
        tags=("set:consistency",),
        benchmark="video-chatgpt",
        facts={
            "dimensions": "consistency",
            "video_name": "v1",
            "key": "v1_0",
            "pair": "consistency/v1_0",
            "part": 1,
        },
    ),
    "moviellm": Sample(
        id="tt01/overview/0",
        film="tt01",
        question="What is it about?",
        answer="ground_truth: a key.",
        tags=("category:overview",),
        benchmark="moviellm",
        facts={"movie_title": "The Key", "category": "overview", "number": 0},
    ),
    "mm-id": Sample(
        id="1",
        film="images",
        question="In the image: <image>\n Identify Mara with grounding.",
        task="box",
        answer="[100, 50, 300, 150]",
        box=(0.25, 0.25, 0.75, 0.75),
        references=(Reference(name="Mara", image="images/mara.jpg"),),
        pictures=("images/shot.jpg",),
        tags=("type:location", "ids:1", "tests:1"),
        benchmark="mm-id",
        facts={"box_pixels": "[100, 50, 300, 150]", "width": 400, "height": 200, "ground_target": "Mara"},
    ),
    "activitynet-captions": Sample(
        id="v_one/0",
        film="v_one",
        question="A man rows a boat.",
        task="moments",
        spans=(Moment(start=0.8, end=19.9),),
        tags=("task:moments",),
        benchmark="activitynet-captions",
        facts={"duration": 82.5},
    ),
    "charades-sta": Sample(
        id="AB12C/0",
        film="AB12C",
        question="a person opens a door.",
        task="moments",
        spans=(Moment(start=24.3, end=30.4),),
        tags=("task:moments",),
        benchmark="charades-sta",
        facts={"duration": 30.5},
    ),
    "tacos": Sample(
        id="s13-d25.avi/0",
        film="s13-d25.avi",
        question="He peels.",
        task="moments",
        spans=(Moment(start=10.0, end=20.0),),
        tags=("task:moments",),
        benchmark="tacos",
        facts={"duration": 200.0},
    ),
    "qvhighlights": Sample(
        id="9",
        film="x_60.0_210.0",
        question="A woman at a harbour",
        task="moments",
        spans=(Moment(start=82.0, end=150.0), Moment(start=0.0, end=4.0)),
        tags=("task:moments",),
        benchmark="qvhighlights",
        facts={
            "duration": 150.0,
            "vid": "x_60.0_210.0",
            "relevant_clip_ids": "[0, 1, 41]",
            "saliency_scores": "[[2, 3, 4], [1, 1, 0], [4, 4, 4]]",
        },
    ),
    "timelens": Sample(
        id="charades-timelens/AB12C/0",
        film="AB12C",
        question="a person sits",
        task="moments",
        spans=(Moment(start=1.5, end=4.0),),
        tags=("task:moments", "set:charades"),
        benchmark="timelens",
        facts={"duration": 31.2},
    ),
    "video-mme": Sample(
        id="001-1",
        film="yt01",
        question="What leaves?",
        task="choice",
        options=BOAT,
        answer="A",
        subtitles="subtitle/yt01.srt",
        tags=("duration:short", "domain:Film", "sub_category:Drama", "task_type:Object Recognition"),
        benchmark="video-mme",
        facts={
            "video_id": "001",
            "duration": "short",
            "domain": "Film",
            "sub_category": "Drama",
            "task_type": "Object Recognition",
        },
    ),
    "video-mme-v2": Sample(
        id="007-1",
        film="007",
        question="What leaves?",
        task="choice",
        options=tuple(f"thing {letter}" for letter in "ABCDEFGH"),
        answer="H",
        tags=("group_type:logic", "second_head:s", "third_head:t"),
        benchmark="video-mme-v2",
        facts={
            "video_id": "007",
            "question_id": "007-1",
            "group_type": "logic",
            "group_structure": "[1, [2, 3], 4]",
            "second_head": "s",
            "third_head": "t",
        },
    ),
    "mlvu": Sample(
        id="plotQA/0",
        film="1_plotQA/film_1.mp4",
        question="Why?",
        task="choice",
        options=BOAT,
        answer="C",
        tags=("task_type:plotQA",),
        benchmark="mlvu",
        facts={"task_type": "plotQA", "duration": 480.5},
    ),
    "longvideobench": Sample(
        id="k1_0",
        film="k1.mp4",
        question="What leaves?",
        task="choice",
        options=BOAT,
        answer="B",
        tags=("duration_group:60", "question_category:S2E", "topic_category:KH"),
        benchmark="longvideobench",
        facts={
            "duration": 62.5,
            "duration_group": 60,
            "question_category": "S2E",
            "topic_category": "KH",
            "starting_timestamp_for_subtitles": 12.5,
            "subtitle_path": "k1_en.json",
        },
    ),
    "lvbench": Sample(
        id="12",
        film="yt9",
        question="What year?",
        task="choice",
        options=("1636", "1366", "1363", "1633"),
        answer="D",
        spans=(Moment(start=65.0, end=3610.0),),
        tags=("type:cartoon", "question_type:key information retrieval", "question_type:reasoning"),
        benchmark="lvbench",
        facts={"uid": "12", "time_reference": "01:05-1:00:10"},
    ),
    "moviechat-1k": Sample(
        id="1/global/0",
        film="1.mp4",
        question="Day or night?",
        answer="Day",
        tags=("kind:global",),
        benchmark="moviechat-1k",
        facts={"kind": "global"},
    ),
    "cinepile": Sample(
        id="clip7/0",
        film="clip7",
        question="What leaves?",
        task="choice",
        options=(*BOAT, "a train"),
        answer="E",
        tags=("question_category:Narrative and Plot Analysis", "hard_split:True", "visual_reliance:False"),
        benchmark="cinepile",
        facts={
            "movie_name": "The Key",
            "year": 1950,
            "yt_clip_title": "The Key - Harbour",
            "yt_clip_link": "https://example.org/watch?v=clip7",
            "subtitles": "Take it. | I will.",
            "hard_split": "True",
            "visual_reliance": "False",
            "question_category": "Narrative and Plot Analysis",
        },
    ),
    "mf2": Sample(
        id="3/0/true",
        film="3.mp4",
        question="Otto, not Mara, leaves.",
        task="yes_no",
        answer="true",
        subtitles="transcripts/3.srt",
        tags=("granularity:Multi", "category:Event/Entity", "category:Causal"),
        benchmark="mf2",
        facts={"pair": "3/0"},
    ),
    "egoschema": Sample(
        id="u1",
        film="u1",
        question="What is C doing?",
        task="choice",
        options=tuple(f"act {index}" for index in range(5)),
        benchmark="egoschema",
        facts={"q_uid": "u1"},
    ),
}
"""The first sample of each benchmark's file."""
COUNTS = {
    "msvd-qa": 2,
    "video-chatgpt": 5,
    "moviellm": 4,
    "mm-id": 3,
    "activitynet-captions": 3,
    "charades-sta": 2,
    "qvhighlights": 2,
    "timelens": 2,
    "video-mme-v2": 4,
    "mlvu": 2,
    "longvideobench": 2,
    "moviechat-1k": 4,
    "cinepile": 2,
    "mf2": 2,
    "egoschema": 2,
}


@pytest.fixture(params=list_benchmarks(), ids=lambda benchmark: benchmark.name)
def benchmark_kind(request: pytest.FixtureRequest) -> Benchmark:
    kind: Benchmark = request.param
    return kind


def test_published_files_become_samples(benchmark_kind: Benchmark, tmp_path: Path) -> None:
    name = benchmark_kind.name
    samples = read_samples(WRITERS[name](tmp_path), benchmark=name)
    assert samples[0] == EXPECTED[name]
    assert len(samples) == COUNTS.get(name, 1) == len({sample.id for sample in samples})


def test_files_tell_their_benchmark(benchmark_kind: Benchmark, tmp_path: Path) -> None:
    source = WRITERS[benchmark_kind.name](tmp_path)
    if benchmark_kind.name == "msvd-qa":  # which looks like MSRVTT-QA
        with pytest.raises(EvaluationError, match=r"more than one benchmark \(msvd-qa, msrvtt-qa\); name it with"):
            tell_benchmark(source)
    else:
        assert tell_benchmark(source) is benchmark_kind


def test_a_benchmark_says_where_its_data_is(benchmark_kind: Benchmark) -> None:
    assert benchmark_kind.title and benchmark_kind.licence and benchmark_kind.homepage and benchmark_kind.files
    assert benchmark_kind.name == "movieqa" or benchmark_kind.homepage.startswith("https://")
    assert benchmark_kind.scorers and find_benchmark(benchmark_kind.name.upper()) is benchmark_kind


def test_an_unknown_name_gets_a_near_one() -> None:
    with pytest.raises(EvaluationError, match=r"no benchmark 'lvbnch'; is lvbench meant\?"):
        find_benchmark("lvbnch")


def test_a_benchmark_can_be_read_for_one_task_only(tmp_path: Path) -> None:
    path = WRITERS["activitynet-captions"](tmp_path)
    (captions,) = read_samples(path, tasks=("captions",))
    assert captions.spans == (
        Moment(start=0.8, end=19.9, caption="A man rows a boat."),
        Moment(start=60.0, end=85.0, caption=" He lands. "),
    )
    with pytest.raises(EvaluationError, match="no task box; it has moments, captions"):
        read_samples(path, tasks=("box",))


def test_film_world_questions_are_read_as_they_are_written(tmp_path: Path) -> None:
    film = make_film(seed=3, minutes=2)
    folder = tmp_path / "films" / "00000003"
    path = write_text(folder / "qa.jsonl", questions_jsonl(film))
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    samples = read_samples(path)
    assert [sample.id for sample in samples] == [line["id"] for line in lines]
    for sample, line in zip(samples, lines, strict=True):
        assert (sample.film, sample.question, sample.answer) == (line["film"], line["question"], line["answer"])
        assert sample.options == tuple(line.get("options", ())) and sample.answer_text in (
            line["short_answer"],
            line["answer"],
        )
        assert [[span.start, span.end] for span in sample.spans] == line["spans"]
        assert sample.until == line.get("until") and sample.time == line.get("time")
        assert set(sample.tags) == {*line["tags"], *(f"needs:{need}" for need in line["needs"])}
        assert sample.facts["long_answer"] == line["long_answer"]
        left, top, right, bottom = (round(side * 1000) for side in sample.box or (0, 0, 0, 0))
        assert (sample.task == "box") == (line["answer"] == f"<box>({left},{top}),({right},{bottom})</box>")
    assert {sample.task for sample in samples} == {"choice", "open", "box"}


def test_film_world_samples_find_their_film_and_portraits(tmp_path: Path) -> None:
    line = {
        "id": "q1",
        "film": "film-world-all-7",
        "question": "Who is this?",
        "references": [{"name": "Mara", "image": "cast/Mara/1.jpg"}],
    }
    write_lines(tmp_path / "00000007" / "qa.jsonl", line)
    write_text(tmp_path / "00000007" / "film.mp4", "")
    (sample,) = read_samples(tmp_path)
    assert sample.film == "00000007/film.mp4"
    assert sample.references == (Reference(name="Mara", image="00000007/cast/Mara/1.jpg"),)
    (alone,) = read_samples(tmp_path / "00000007" / "qa.jsonl")
    assert (alone.film, alone.references[0].image) == ("film.mp4", "cast/Mara/1.jpg")


def test_a_right_answer_may_be_the_text_of_an_option(tmp_path: Path) -> None:
    row = {"id": "1", "film": "f", "question": "?", "options": ["B", "a kite"], "answer": "a kite"}
    (by_text,) = read_samples(write_lines(tmp_path / "a.jsonl", row))
    (by_letter,) = read_samples(write_lines(tmp_path / "b.jsonl", {**row, "answer": "B"}))
    assert by_text.answer == by_letter.answer == "B"


def test_only_the_right_answers_of_moviellm_are_samples(tmp_path: Path) -> None:
    whole = read_samples(WRITERS["moviellm"](tmp_path))
    folder = read_samples(tmp_path / "res" / "ground_truth")
    one = read_samples(tmp_path / "res" / "ground_truth" / "tt01.json")
    assert whole == folder == one and all((sample.answer or "").startswith("ground_truth") for sample in whole)
    assert [sample.tags for sample in whole] == [
        ("category:overview",),
        ("category:plot",),
        ("category:plot",),
        ("category:temporal",),
    ]


def test_methods_folders_become_predictions(tmp_path: Path) -> None:
    samples = read_samples(WRITERS["moviellm"](tmp_path))
    ours = read_moviellm_answers(tmp_path / "res" / "ours", samples)
    assert ours[1] == Prediction(sample=samples[1], text="ours: Otto.")
    (tmp_path / "res" / "baseline" / "tt01.json").unlink()
    baseline = read_moviellm_answers(tmp_path / "res" / "baseline", samples)
    assert {prediction.status for prediction in baseline} == {"failed"} and len(baseline) == len(samples)
    changed = json.loads((tmp_path / "res" / "ours" / "tt01.json").read_text().replace("Why?", "How?"))
    write_json(tmp_path / "res" / "ours" / "tt01.json", changed)
    with pytest.raises(EvaluationError, match="tt01/plot/1 is another question there"):
        read_moviellm_answers(tmp_path / "res" / "ours", samples)


def test_a_box_without_its_picture_stays_in_pixels(tmp_path: Path) -> None:
    path = WRITERS["mm-id"](tmp_path)
    (tmp_path / "images" / "shot.jpg").unlink()
    location = read_samples(path)[0]
    assert location.box is None and location.facts["box_pixels"] == "[100, 50, 300, 150]"


def test_matching_and_questions_of_mm_id(tmp_path: Path) -> None:
    _, question, matching = read_samples(WRITERS["mm-id"](tmp_path))
    assert [reference.name for reference in question.references] == ["Mara", "Otto"]
    assert question.question == "In the following images <image>\n<image>\n. Who rows?"
    assert question.facts["false_answers"] == "Mara rows. / Nobody rows."
    assert matching.pictures == tuple(f"images/{number}.jpg" for number in range(1, 5))
    assert (matching.answer, matching.answer_text) == ("C", "Image 3")


def test_sub_scenes_of_mlvu_keep_their_points(tmp_path: Path) -> None:
    scene = read_samples(WRITERS["mlvu"](tmp_path))[1]
    assert (scene.task, scene.answer) == ("open", "A kite falls.")
    assert scene.facts["scoring_points"] == '["kite", "falls"]'


def test_mlvu_test_set_is_told_by_its_numbers(tmp_path: Path) -> None:
    row = {
        "question_id": "AR_0",
        "video": "test_1.mp4",
        "question": "?",
        "candidates": [1, 2, 3, 4, 5, 6.5],
        "question_type": "count",
    }
    (kept_back,) = read_samples(write_json(tmp_path / "test_multi_choice_tasks.json", [row]))
    (known,) = read_samples(write_json(tmp_path / "test_mcq_gt.json", [{**row, "answer": 6.5}]))
    assert (kept_back.id, kept_back.film, kept_back.answer) == ("AR_0", "test_1.mp4", None)
    assert (known.answer, known.answer_text) == ("F", "6.5")


def test_harness_tables_are_read_too(tmp_path: Path) -> None:
    question = "Why?\n(A) a kite\n(B) a boat"
    mlvu = write_table(
        tmp_path / "mlvu.parquet",
        {"video_name": "f.mp4", "question": question, "answer": "B", "task_type": "ego"},
    )
    (sample,) = read_samples(mlvu)
    assert (sample.question, sample.options, sample.answer) == ("Why?", ("a kite", "a boat"), "B")
    moviechat = write_table(
        tmp_path / "moviechat.parquet",
        {"video_name": "f.mp4", "question": "Who?", "answer": "Otto", "time": 500},
        {"video_name": "f.mp4", "question": "Where?", "answer": "Here", "time": None},
    )
    moment, whole = read_samples(moviechat)
    assert (moment.facts["kind"], moment.facts["frame"], moment.time) == ("breakpoint", 500.0, None)
    assert whole.facts["kind"] == "global"
    timelens = write_table(
        tmp_path / "timelens.parquet",
        {"video_path": "a/f.mp4", "query": "sits", "span": "[[1.5, 2.0]]"},
        {"video_path": "a/f.mp4", "query": "sings", "span": "[[3, 4]]"},
    )
    assert [sample.spans[0].start for sample in read_samples(timelens)] == [1.5, 3.0]
    egoschema = write_table(
        tmp_path / "egoschema.parquet",
        {"video_idx": "u1", "question": "?", "option": ["A. act 0", "B. act 1"], "answer": "1"},
    )
    (sample,) = read_samples(egoschema)
    assert (sample.options, sample.answer) == (("act 0", "act 1"), "B")
    lvbench = write_table(
        tmp_path / "lvbench.parquet",
        {"video_path": "f.mp4", "question": "?", "options": ["A. a kite", "B. a boat"], "answer": "A"},
    )
    (sample,) = read_samples(lvbench)
    assert (sample.options, sample.answer) == (("a kite", "a boat"), "A")
    validation = write_table(
        tmp_path / "validation.parquet",
        {
            "video_id": "k",
            "id": "k_0",
            "video_path": "k.mp4",
            "question": "?",
            "duration_group": 15,
            **{f"option{index}": text for index, text in enumerate([*OPTIONS, "N/A"])},
            "correct_choice": 3,
        },
    )
    (sample,) = read_samples(validation)
    assert (sample.options, sample.answer) == (BOAT, "D")


def test_pairs_of_files_serve_all_three_short_sets(tmp_path: Path) -> None:
    write_json(tmp_path / "test_q.json", [{"video_name": "clip_1", "question": "who sings?", "question_id": "q"}])
    write_json(tmp_path / "test_a.json", [{"answer": "man", "question_id": "q"}])
    films = {name: read_samples(tmp_path, benchmark=name)[0].film for name in ("msvd-qa", "msrvtt-qa")}
    assert films == {"msvd-qa": "clip_1", "msrvtt-qa": "clip_1"}


def test_spans_are_kept_as_the_data_has_them(tmp_path: Path) -> None:
    record = {"duration": 10.0, "timestamps": [[8, 2], [-5.5, 24.0]], "sentences": ["a", "b"]}
    backward, beyond = read_samples(write_json(tmp_path / "val_2.json", {"v": record}), tasks=("moments",))
    assert backward.spans == (Moment(start=8.0, end=2.0),) and beyond.spans == (Moment(start=-5.5, end=24.0),)


@pytest.mark.parametrize(
    ("benchmark", "film", "expected"),
    [
        ("longvideobench", "videos/k1.mp4", "videos/k1.mp4"),
        ("video-mme", "data/yt01.mkv", "data/yt01.mkv"),
        ("mlvu", "video/1_plotQA/film_1.mp4", "video/1_plotQA/film_1.mp4"),
        ("video-mme-v2", "elsewhere/007.mp4", "007"),
    ],
)
def test_films_are_found_where_the_data_is_published(benchmark: str, film: str, expected: str, tmp_path: Path) -> None:
    source = WRITERS[benchmark](tmp_path)
    write_text(tmp_path / film, "")
    assert read_samples(source, benchmark=benchmark)[0].film == expected


def test_the_docs_say_what_the_catalogue_says(benchmark_kind: Benchmark) -> None:
    text = (Path(__file__).parents[2] / "docs" / "evaluation-data.md").read_text(encoding="utf-8")
    first, second = (line for line in text.split("\n") if line.startswith(f"| `{benchmark_kind.name}` |"))
    for part in (benchmark_kind.title, benchmark_kind.summary, benchmark_kind.licence, *benchmark_kind.scorers):
        assert part in first
    assert benchmark_kind.homepage in first or benchmark_kind.name == "movieqa"
    assert all(f"`{name}`" in second for name in benchmark_kind.files)


def test_the_examples_of_the_docs_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "evaluation-data.md").read_text(encoding="utf-8")
    block = text.split("```json\n")[1].split("```")[0]
    choice, moments = read_samples(write_text(tmp_path / "own.jsonl", block))
    assert (choice.answer_text, moments.spans) == ("book", (Moment(start=4.5, end=7.9),))
    for field in Sample.__dataclass_fields__:
        assert field == "benchmark" or f"| `{field}` |" in text


def test_every_scorer_of_the_catalogue_is_there(benchmark_kind: Benchmark) -> None:
    judged = {one.name for one in (JudgedAnswers, VideoChatGPT, MLVUGeneration, MultimodalIdentity)}
    assert set(benchmark_kind.scorers) <= {*SCORERS, *judged}
