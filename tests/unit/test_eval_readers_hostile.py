"""Readers on bad input: one clear line that names file and place, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from movieqa.errors import EvaluationError
from movieqa.eval.benchmarks import read_samples, tell_benchmark
from movieqa.eval.readers import files
from tests.benchmark_files import WRITERS, write_json, write_lines, write_table, write_text

GOOD = {"id": "1", "film": "f", "question": "?"}


def fault(source: Path, benchmark: str | None = None) -> str:
    """Return the one line that reading ends with."""
    with pytest.raises(EvaluationError) as caught:
        read_samples(source, benchmark=benchmark)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    return line


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({**GOOD, "questoin": "?"}, "own.jsonl, line 2: unknown field 'questoin'; is question meant?"),
        ({**GOOD, "zzz": 1}, "own.jsonl, line 2: unknown field 'zzz'; a sample has id, film"),
        ({"id": "2", "question": "?"}, "own.jsonl, line 2: film is missing"),
        ({**GOOD, "id": "0"}, "own.jsonl, line 2: the id '0' was used before, at own.jsonl, line 1"),
        ({**GOOD, "id": ["2"]}, "own.jsonl, line 2: id must be a text that is not empty, not list"),
        ({**GOOD, "id": True}, "line 2: id must be a text that is not empty, not True"),
        ({**GOOD, "film": "a\nb"}, "line 2: film must be on one line"),
        ({**GOOD, "question": " "}, "line 2: question must be a text that is not empty"),
        ({**GOOD, "question": "\ud800"}, "line 2: question holds half of a character"),
        ({**GOOD, "task": "dance"}, "line 2: task must be one of choice, open,"),
        ({**GOOD, "task": "choice"}, "line 2: 1: options go with a choice, and only with one"),
        ({**GOOD, "options": ["a", "b"], "answer": "C"}, "line 2: answer 'C' is none of the 2 options"),
        ({**GOOD, "options": ["a"] * 27}, "line 2: 1 to 26 options are expected, not 27"),
        ({**GOOD, "options": "ab"}, "line 2: options must be a list, not 'ab'"),
        ({**GOOD, "options": [None]}, "line 2: options must be a list of texts, not with NoneType"),
        ({**GOOD, "spans": [[1]]}, "line 2: spans must hold pairs of times, not list"),
        ({**GOOD, "spans": [["1", 2]]}, "line 2: spans must be a number, not '1'"),
        ({**GOOD, "spans": [[1, 10**400]]}, "line 2: spans must be a finite number"),
        ({**GOOD, "spans": [{"start": 1}]}, "line 2, spans 1: end is missing"),
        ({**GOOD, "until": "soon"}, "line 2: until must be a number, not 'soon'"),
        ({**GOOD, "box": [0, 0, 2, 1]}, "line 2: box must be left, top, right and bottom"),
        ({**GOOD, "references": [{"name": "Mara"}]}, "line 2, references 1: image is missing"),
        ({**GOOD, "facts": {"a": [1]}}, "line 2, facts: a must be a plain value, not list"),
        ([1, 2], "own.jsonl, line 2: a record is expected, not list"),
    ],
)
def test_a_bad_line_is_named(line: Any, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({**GOOD, "id": "0"}) + "\n" + json.dumps(line) + "\n")
    assert expected in fault(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id": "2", "film": "f", "question": "?", "time": NaN}', "line 2: NaN is no number"),
        ('{"id": "2", "film": "f", "question": "?", "time": -Infinity}', "line 2: -Infinity is no number"),
        ('{"id": "2", "film": "f", "question": "?", "time": 1e999}', "line 2: time must be a finite number"),
        ('{"id": "2", "id": "3", "film": "f", "question": "?"}', "line 2: 'id' stands there twice"),
        ('{"id": "2", "film": "f"', "line 2: no JSON ("),
        ("[" * 200_000, "line 2: lists or records nested too deep"),
        ('{"id": ' + "9" * 5000 + "}", "line 2: "),
    ],
    ids=["nan", "infinity", "overflow", "twice", "torn", "deep", "huge"],
)
def test_broken_json_is_named(text: str, expected: str, tmp_path: Path) -> None:
    path = write_text(tmp_path / "own.jsonl", json.dumps(GOOD) + "\n" + text + "\n")
    assert expected in fault(path)


def test_only_a_newline_ends_a_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "own.jsonl", {**GOOD, "question": "one\u2028two\x85three"})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    (sample,) = read_samples(path)
    assert sample.question == "one\u2028two\x85three"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\xff\xfe\n")
    assert fault(path) == "own.jsonl, line 2: not UTF-8; save the file as UTF-8"


def test_files_are_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write_lines(tmp_path / "own.jsonl", GOOD)
    table = WRITERS["cinepile"](tmp_path)
    monkeypatch.setattr(files, "MOST_BYTES", 40)
    assert fault(own) == "own.jsonl is larger than 40 bytes; split it"
    assert "unpacks to more than 40 bytes" in fault(table, "cinepile")


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = WRITERS["moviechat-1k"](tmp_path)
    monkeypatch.setattr(files, "MOST_FILES", 1)
    assert "more than 1 files fit *.json; name one file" in fault(source)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: folder / "none.json", "no such file or folder; name the file with the questions"),
        (lambda folder: write_text(folder / "empty.jsonl", "\n"), "empty.jsonl: nothing in it"),
        (lambda folder: write_json(folder / "a.json", []), "looks like no benchmark that can be read"),
        (lambda folder: write_json(folder / "a.json", 3), "looks like no benchmark that can be read"),
        (lambda folder: write_text(folder / "a.parquet", "PAR1"), "a.parquet: no Parquet file ("),
        (lambda folder: write_text(folder / "a.txt", "AB12C 1 2#no"), "looks like no benchmark that can be read"),
        (lambda folder: folder, "looks like no benchmark that can be read"),
        (lambda folder: write_lines(folder / "own.jsonl", {"id": "1", "question": "?"}), "line 1: film is missing"),
        (lambda folder: write_text(folder / "own.jsonl", "{\n"), "own.jsonl, line 1: no JSON"),
    ],
    ids=["missing", "empty", "no rows", "number", "torn parquet", "text", "no files", "first line", "first torn"],
)
def test_what_is_no_benchmark_is_named(make: Callable[[Path], Path], expected: str, tmp_path: Path) -> None:
    source = make(tmp_path)
    with pytest.raises(EvaluationError) as caught:
        read_samples(source)
    assert expected in str(caught.value)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    rows = [{"yt_clip_link": "https://e.org/?v=1", "question": f"{n:0200d}"} for n in range(3000)]
    path = write_table(tmp_path / "test.parquet", *rows)
    data = bytearray(path.read_bytes())
    data[100 : len(data) // 2] = bytes(len(data) // 2 - 100)
    path.write_bytes(data)
    assert "test.parquet" in fault(path, "cinepile")


Change = Callable[[Any], Any]


def _first(**values: Any) -> Change:
    return lambda content: [{**content[0], **values}, *content[1:]]


@pytest.mark.parametrize(
    ("benchmark", "name", "change", "expected"),
    [
        ("activitynet-qa", "test_a.json", lambda content: [], "test_a.json holds 0 answers to the 1 of test_q.json"),
        ("activitynet-qa", "test_a.json", _first(question_id="b"), "item 1: answers b, the question is a1_0"),
        ("activitynet-qa", "test_a.json", _first(type=9), "item 1: type must be a whole number from 0 to 8, not 9"),
        ("msvd-qa", "test_qa.json", _first(id=41), "item 2: the id '41' was used before, at test_qa.json, item 1"),
        ("video-chatgpt", "generic_qa.json", _first(Q=None), "generic_qa.json, item 1: Q is missing"),
        ("moviellm", "res/ground_truth/tt01.json", lambda content: {"QA": []}, "tt01.json: QA must be a record"),
        (
            "moviellm",
            "res/ground_truth/tt01.json",
            lambda content: {"QA": {"plot_qa": [{"Answer": "a"}]}},
            "tt01.json, QA, plot_qa 1: Question is missing",
        ),
        ("mm-id", "benchmark_mmid.json", _first(answer="[1, 2]"), "item 1: answer must be a box such as"),
        ("mm-id", "benchmark_mmid.json", _first(image_2=None), "item 1: image_2 is missing"),
        ("mm-id", "benchmark_mmid.json", _first(question="Who?"), "item 1: the question shows no picture"),
        (
            "activitynet-captions",
            "val_2.json",
            lambda content: {"v": {"duration": 1, "timestamps": [[0, 1]], "sentences": []}},
            "val_2.json, 'v': 1 timestamps for 0 sentences",
        ),
        (
            "tacos",
            "test.json",
            lambda content: {"v": {**content["s13-d25.avi"], "fps": 0}},
            "'v': fps must be above 0",
        ),
        ("mlvu", "json/1_plotQA.json", _first(answer="a cow"), "item 1: answer 'a cow' is none of the 4 options"),
        (
            "longvideobench",
            "lvb_val.json",
            _first(correct_choice=4),
            "correct_choice must be a whole number from 0 to 3",
        ),
        ("moviechat-1k", "1.json", lambda content: {**content, "breakpoint": [{"question": "?"}]}, "time is missing"),
        ("egoschema", "subset_answers.json", lambda content: {"u9": 1}, "u9 answers no question of questions.json"),
        ("egoschema", "subset_answers.json", lambda content: {"u2": 5}, "u2 must be a whole number from 0 to 4, not 5"),
    ],
)
def test_what_is_not_as_published_is_named(
    benchmark: str, name: str, change: Change, expected: str, tmp_path: Path
) -> None:
    source = WRITERS[benchmark](tmp_path)
    path = tmp_path / name
    write_json(path, change(json.loads(path.read_text())))
    assert expected in fault(source, benchmark)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("AB12C 1.0 2.0#a door.", "line 2: a line such as `AB12C 0.0 7.5##a person sits down.` is expected"),
        ("AB12C one 2.0##a door.", "line 2: start must be a time in seconds, not 'one'"),
        ("AB12C 1.0 inf##a door.", "line 2: end must be a finite number, not inf"),
        ("AB12C 1.0 2.0##", "line 2: sentence must be a text that is not empty"),
    ],
)
def test_lines_of_charades_are_named(line: str, expected: str, tmp_path: Path) -> None:
    path = write_text(tmp_path / "charades_sta_test.txt", f"AB12C 1 2##a door.\n{line}\n")
    assert expected in fault(path)


def test_rows_of_a_csv_file_are_named(tmp_path: Path) -> None:
    head = "movie_id,video,claim_id,true_claim,false_claim,granularity,category\n"
    short = write_text(tmp_path / "short.csv", head + "3,3.mp4,0,yes\n")
    assert fault(short) == "short.csv, line 2: 7 columns are expected"
    empty = write_text(tmp_path / "empty.csv", head + "3,3.mp4,0,,no,,\n")
    assert "empty.csv, line 2: true_claim must be a text that is not empty" in fault(empty)
    assert "no CSV" in fault(write_text(tmp_path / "quote.csv", head + '3,3.mp4,0,"yes,no,a,b\n'))


def test_sets_of_video_chatgpt_are_told_by_their_names(tmp_path: Path) -> None:
    path = write_json(tmp_path / "mine.json", [{"video_name": "v", "Q": "?", "A": "a"}])
    assert tell_benchmark(path).name == "video-chatgpt"
    assert (
        fault(path) == "mine.json: is this the generic or the temporal set?; keep the published name: generic_qa.json"
    )


def test_a_picture_that_is_none_is_named(tmp_path: Path) -> None:
    path = WRITERS["mm-id"](tmp_path)
    (tmp_path / "images" / "shot.jpg").write_bytes(b"no picture")
    assert "item 1: shot.jpg is no picture (" in fault(path)


def test_names_that_no_file_can_have_are_only_names(tmp_path: Path) -> None:
    record = {**json.loads(WRITERS["mm-id"](tmp_path).read_text())[0], "image_2": "x" * 5000}
    (sample,) = read_samples(write_json(tmp_path / "benchmark_mmid.json", [record]))
    assert sample.box is None


def test_letters_out_of_order_are_named(tmp_path: Path) -> None:
    row = {"key": "k", "qa": [{"uid": "1", "question": "?\n(A) a\n(C) b", "answer": "A"}]}
    assert "line 1, qa 1: the options' letters are out of order" in fault(write_lines(tmp_path / "v.meta.jsonl", row))


def test_a_key_that_is_no_option_is_named(tmp_path: Path) -> None:
    row = {
        "yt_clip_link": "https://example.org/",
        "question": "?",
        "choices": ["a", "b"],
        "answer_key": "a",
        "answer_key_position": 1,
    }
    assert "row 1: yt_clip_link names no video" in fault(write_table(tmp_path / "a.parquet", row))
    named = {**row, "videoID": "v"}
    assert "answer_key is not the option at" in fault(write_table(tmp_path / "b.parquet", named))


def test_a_benchmark_that_is_none_is_named(tmp_path: Path) -> None:
    assert fault(write_lines(tmp_path / "own.jsonl", {**GOOD, "benchmark": "mine"})).startswith("no benchmark 'mine'")
