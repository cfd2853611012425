"""Small invented files in the shape in which each benchmark publishes its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image
from pyarrow import parquet

OPTIONS = ["a rowing boat", "a lighthouse", "a kite", "a piano"]


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, *values: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values), encoding="utf-8")
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_table(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def movieqa(folder: Path) -> Path:
    return write_lines(folder / "mine.jsonl", {"id": "1", "film": "signs.mp4", "question": "Which word is signed?"})


def msvd_qa(folder: Path) -> Path:
    write_text(folder / "youtube_mapping.txt", "zAbc_3_9 vid1301\n")
    rows = [
        {"answer": "dog", "id": 40, "question": "what runs over the pier?", "video_id": 1301},
        {"answer": "two", "id": 41, "question": "how many boats wait?", "video_id": 1302},
    ]
    write_json(folder / "test_qa.json", rows)
    return folder


def msrvtt_qa(folder: Path) -> Path:
    row = {"answer": "sing", "category_id": 3, "id": 9, "question": "What do they do?", "video_id": 7010}
    return write_json(folder / "test_qa.json", [row])


def activitynet_qa(folder: Path) -> Path:
    write_json(
        folder / "test_q.json",
        [{"video_name": "a1", "question": "is it windy", "question_id": "a1_0"}],
    )
    write_json(folder / "test_a.json", [{"answer": "yes", "type": 3, "question_id": "a1_0"}])
    return folder


def video_chatgpt(folder: Path) -> Path:
    write_json(folder / "generic_qa.json", [{"video_name": "v1", "Q": "What happens?", "A": "A boat leaves."}] * 2)
    write_json(folder / "temporal_qa.json", [{"video_name": "v1", "Q": "In which order?", "A": "Boat, then gull."}])
    write_json(
        folder / "consistency_qa.json",
        [{"video_name": "v1", "Q1": "Who rows?", "Q2": "Who is at the oars?", "A": "Otto."}],
    )
    return folder


def moviellm(folder: Path) -> Path:
    for method in ("ground_truth", "ours", "baseline"):
        entries = {
            "overview_qa": [{"Question": "What is it about?", "Answer": f"{method}: a key."}],
            "plot_qa": [
                {"Question": "Who takes the key?", "Answer": f"{method}: Otto."},
                {"Question": "Why?", "Answer": f"{method}: To leave."},
            ],
            "temporal_qa": [{"Question": "In which order?", "Answer": f"{method}: Key, boat."}],
        }
        write_json(folder / "res" / method / "tt01.json", {"movie_title": "The Key", "QA": entries})
    return folder / "res"


def mm_id(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (400, 200)).save(folder / "images" / "shot.jpg")
    rows: list[dict[str, Any]] = [
        {
            "id": 1,
            "image_1": "./images/mara.jpg",
            "image_2": "./images/shot.jpg",
            "question": "Mara is <img>image_1</img>\n In the image: <img>image_2</img>\n Identify Mara with grounding.",
            "type": "location",
            "answer": "[100, 50, 300, 150]",
            "ground_target": "Mara",
        },
        {
            "id": 2,
            "image_1": "./images/mara.jpg",
            "image_2": "./images/otto.jpg",
            "image_3": "./images/a.jpg",
            "image_4": "./images/b.jpg",
            "question": "Mara is <img>image_1</img>\n Otto is <img>image_2</img>\n In the following images "
            "<img>image_3</img>\n<img>image_4</img>\n. Who rows?",
            "type": "QA_multiimage",
            "answer": "Otto rows.",
            "false answers": "Mara rows. / Nobody rows.",
        },
        {
            "id": 3,
            **{f"image_{number}": f"./images/{number}.jpg" for number in range(5)},
            "question": "Otto is <img>image_0</img>\n In the following four images, Which is Otto? "
            + "".join(f"Image {number}: <img>image_{number}</img>\n " for number in range(1, 5)),
            "type": "matching",
            "answer": "Image 3",
            "reference_target": "Otto ",
        },
    ]
    return write_json(folder / "benchmark_mmid.json", rows)


def activitynet_captions(folder: Path) -> Path:
    record = {
        "duration": 82.5,
        "timestamps": [[0.8, 19.9], [60.0, 85.0]],
        "sentences": ["A man rows a boat.", " He lands. "],
    }
    return write_json(folder / "val_2.json", {"v_one": record})


def charades_sta(folder: Path) -> Path:
    write_text(folder / "Charades_v1_test.csv", "id,subject,length\nAB12C,X1,30.5\n")
    return write_text(
        folder / "charades_sta_test.txt", "AB12C 24.3 30.4##a person opens a door.\nAB12C 0.0 3##person sits down.\n"
    )


def tacos(folder: Path) -> Path:
    record = {"timestamps": [[250, 500]], "sentences": ["He peels."], "fps": 25.0, "num_frames": 5000}
    return write_json(folder / "test.json", {"s13-d25.avi": record})


def qvhighlights(folder: Path) -> Path:
    return write_lines(
        folder / "highlight_val_release.jsonl",
        {
            "qid": 9,
            "query": "A woman at a harbour",
            "duration": 150,
            "vid": "x_60.0_210.0",
            "relevant_windows": [[82, 150], [0, 4]],
            "relevant_clip_ids": [0, 1, 41],
            "saliency_scores": [[2, 3, 4], [1, 1, 0], [4, 4, 4]],
        },
        {"qid": 10, "query": "A gull", "duration": 150, "vid": "y_0.0_150.0"},
    )


def timelens(folder: Path) -> Path:
    record = {"duration": 31.2, "spans": [[1.5, 4.0], [9, 12]], "queries": ["a person sits", "a person sings"]}
    return write_json(folder / "charades-timelens.json", {"AB12C": record})


def video_mme(folder: Path) -> Path:
    write_text(folder / "subtitle" / "yt01.srt", "1\n00:00:01,000 --> 00:00:02,000\nTake it.\n")
    write_table(
        folder / "videomme" / "test-00000-of-00001.parquet",
        {
            "video_id": "001",
            "duration": "short",
            "domain": "Film",
            "sub_category": "Drama",
            "url": "https://example.org/yt01",
            "videoID": "yt01",
            "question_id": "001-1",
            "task_type": "Object Recognition",
            "question": "What leaves?",
            "options": [f"{letter}. {text}" for letter, text in zip("ABCD", OPTIONS, strict=True)],
            "answer": "A",
        },
    )
    return folder


def video_mme_v2(folder: Path) -> Path:
    rows = [
        {
            "video_id": "007",
            "url": "https://example.org/7",
            "group_type": "logic",
            "group_structure": "[1, [2, 3], 4]",
            "question_id": f"007-{number}",
            "question": "What leaves?",
            "options": "\n".join(f"{letter}. thing {letter}" for letter in "ABCDEFGH"),
            "answer": "H",
            "level": 2 if number == 4 else None,
            "second_head": "s",
            "third_head": "t",
        }
        for number in range(1, 5)
    ]
    return write_table(folder / "test.parquet", *rows)


def mlvu(folder: Path) -> Path:
    shared = {"video": "film_1.mp4", "duration": 480.5}
    write_json(
        folder / "json" / "1_plotQA.json",
        [{**shared, "question": "Why?", "candidates": OPTIONS, "answer": "a kite", "question_type": "plotQA"}],
    )
    write_json(
        folder / "json" / "8_sub_scene.json",
        [
            {
                **shared,
                "question": "Describe the scene.",
                "answer": "A kite falls.",
                "question_type": "subPlot",
                "scoring_points": ["kite", "falls"],
            }
        ],
    )
    return folder


def longvideobench(folder: Path) -> Path:
    shared = {
        "video_id": "k1",
        "video_path": "k1.mp4",
        "subtitle_path": "k1_en.json",
        "question": "What leaves?",
        "duration": 62.5,
        "duration_group": 60,
        "question_category": "S2E",
        "topic_category": "KH",
        "starting_timestamp_for_subtitles": 12.5,
    }
    write_json(
        folder / "lvb_val.json",
        [
            {**shared, "id": "k1_0", "candidates": OPTIONS, "correct_choice": 1},
            {**shared, "id": "k1_1", **{f"option{index}": text for index, text in enumerate(OPTIONS)}},
        ],
    )
    return folder


def lvbench(folder: Path) -> Path:
    return write_lines(
        folder / "video_info.meta.jsonl",
        {
            "key": "yt9",
            "type": "cartoon",
            "qa": [
                {
                    "uid": "12",
                    "question": "What year?\n(A) 1636\n(B) 1366\n(C) 1363\n(D) 1633",
                    "answer": "D",
                    "question_type": ["key information retrieval", "reasoning"],
                    "time_reference": "01:05-1:00:10",
                }
            ],
        },
    )


def moviechat_1k(folder: Path) -> Path:
    for number in (1, 2):
        write_json(
            folder / f"{number}.json",
            {
                "info": {"video_path": f"{number}.mp4", "fps": 25.0},
                "caption": "A harbour.",
                "global": [{"question": "Day or night?", "answer": "Day"}],
                "breakpoint": [{"time": 500, "question": "Who speaks?", "answer": "Otto"}],
            },
        )
    return folder


def cinepile(folder: Path) -> Path:
    row = {
        "movie_name": "The Key",
        "year": 1950,
        "genre": ["Drama"],
        "yt_clip_title": "The Key - Harbour",
        "yt_clip_link": "https://example.org/watch?v=clip7",
        "movie_scene": "A pier.",
        "subtitles": "Take it. | I will.",
        "question": "What leaves?",
        "choices": [*OPTIONS, "a train"],
        "answer_key": "a train",
        "answer_key_position": 4,
        "question_category": "Narrative and Plot Analysis",
        "hard_split": "True",
        "visual_reliance": "False",
    }
    write_table(folder / "data" / "test-00000-of-00001.parquet", row, row)
    return folder


def mf2(folder: Path) -> Path:
    write_text(folder / "transcripts" / "3.srt", "1\n00:00:01,000 --> 00:00:02,000\nTake it.\n")
    return write_text(
        folder / "MF2_test.csv",
        "movie_id,video,claim_id,true_claim,false_claim,granularity,category\n"
        '3,3.mp4,0,"Otto, not Mara, leaves.","Mara\nleaves.",Multi ,"Event/Entity, Causal"\n',
    )


def egoschema(folder: Path) -> Path:
    rows = [
        {"q_uid": name, "question": "What is C doing?", **{f"option {index}": f"act {index}" for index in range(5)}}
        for name in ("u1", "u2")
    ]
    write_json(folder / "questions.json", rows)
    write_json(folder / "subset_answers.json", {"u2": 3})
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "movieqa": movieqa,
    "msvd-qa": msvd_qa,
    "msrvtt-qa": msrvtt_qa,
    "activitynet-qa": activitynet_qa,
    "video-chatgpt": video_chatgpt,
    "moviellm": moviellm,
    "mm-id": mm_id,
    "activitynet-captions": activitynet_captions,
    "charades-sta": charades_sta,
    "tacos": tacos,
    "qvhighlights": qvhighlights,
    "timelens": timelens,
    "video-mme": video_mme,
    "video-mme-v2": video_mme_v2,
    "mlvu": mlvu,
    "longvideobench": longvideobench,
    "lvbench": lvbench,
    "moviechat-1k": moviechat_1k,
    "cinepile": cinepile,
    "mf2": mf2,
    "egoschema": egoschema,
}
"""By benchmark: writes its files into a new folder and returns what a user would name."""
