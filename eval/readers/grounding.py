"""When something happens: ActivityNet Captions, Charades-STA, TACoS, QVHighlights and TimeLens-Bench.

Every sample has the fact `duration`, in seconds, where the data or a file beside it tells it. Times are those of the
data: they may be out of order or lie beyond the film's end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from movieqa.errors import EvaluationError
from movieqa.eval.sample import Fact, Moment, Sample

from .files import LINES, TABLES, find_files, read_lines, read_named, read_rows
from .rows import Row, gather

ACTIVITYNET_FILES = ("val_2.json", "val_1.json")
CHARADES_FILES = ("charades_sta_test.txt", "*sta*test*.txt", "*sta*.txt")
TACOS_FILES = ("test.json",)
QVHIGHLIGHTS_FILES = ("highlight_val_release.jsonl", "highlight_test_release.jsonl", "highlight_*.jsonl")
TIMELENS_FILES = ("*-timelens.json",)
CHARADES_LINE = re.compile(r"(?P<video>\S+)\s+(?P<start>\S+)\s+(?P<end>\S+?)\s*##(?P<sentence>.*)")
_LENGTHS = ("Charades_v1_test.csv", "Charades_v1_train.csv")
_DESCRIBE = "What happens in the film, and when?"


def read_activitynet_captions(source: Path) -> tuple[Sample, ...]:
    """Read `val_2.json` and its like: for each sentence a sample of `moments`, for each video one of `captions`.

    Any data brought into the same form can be read so: `{video: {duration, timestamps, sentences}}`.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, ACTIVITYNET_FILES)
    return gather(_activitynet(path), path)


def read_charades_sta(source: Path) -> tuple[Sample, ...]:
    """Read lines `VIDEO start end##sentence.`; durations come from the dataset's CSV files where those are beside it.

    Raises:
        EvaluationError: A line is not as published.
    """
    (path, *_) = find_files(source, CHARADES_FILES)
    return gather(_charades(path), path)


def read_tacos(source: Path) -> tuple[Sample, ...]:
    """Read `{video: {timestamps, sentences, fps, num_frames}}`, whose times are in frames.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, TACOS_FILES)
    return gather(_tacos(path), path)


def read_qvhighlights(source: Path) -> tuple[Sample, ...]:
    """Read QVHighlights, whose queries may have several moments.

    What its highlight scores need stands in the facts `relevant_clip_ids` and `saliency_scores`, as JSON.

    Raises:
        EvaluationError: The file is not as published.
    """
    (path, *_) = find_files(source, QVHIGHLIGHTS_FILES)
    return gather(_qvhighlights(path), path)


def read_timelens(source: Path) -> tuple[Sample, ...]:
    """Read TimeLens-Bench: `{video: {duration, spans, queries}}`, or records `video_path`, `query`, `span`.

    Raises:
        EvaluationError: A file is not as published.
    """
    found = (item for path in find_files(source, TIMELENS_FILES) for item in _timelens(path))
    return gather(found, source)


def _activitynet(path: Path) -> Iterator[tuple[Row, Sample]]:
    for video, row in read_named(path):
        facts: dict[str, Fact] = {"duration": row.number("duration")}
        pairs = _sentences(row, "timestamps", "sentences")
        for number, (span, sentence) in enumerate(pairs):
            yield row, _moment(row, f"{video}/{number}", video, sentence, (span,), facts, "activitynet-captions")
        yield (
            row,
            row.sample(
                id=f"{video}/captions",
                film=video,
                question=_DESCRIBE,
                task="captions",
                spans=tuple(Moment(start=start, end=end, caption=text) for (start, end), text in pairs),
                tags=("task:captions",),
                benchmark="activitynet-captions",
                facts=facts,
            ),
        )


def _charades(path: Path) -> Iterator[tuple[Row, Sample]]:
    lengths = _charades_lengths(path.parent)
    counts: dict[str, int] = {}
    for where, line in read_lines(path):
        match = CHARADES_LINE.fullmatch(line.strip())
        if match is None:
            raise EvaluationError(f"{where}: a line such as `AB12C 0.0 7.5##a person sits down.` is expected")
        row = Row(where=where, values=match.groupdict())
        video, span = row.name("video"), (_seconds(row, "start"), _seconds(row, "end"))
        number = counts[video] = counts.get(video, -1) + 1
        facts: Mapping[str, Fact] = {"duration": lengths[video]} if video in lengths else {}
        yield row, _moment(row, f"{video}/{number}", video, row.text("sentence"), (span,), facts, "charades-sta")


def _tacos(path: Path) -> Iterator[tuple[Row, Sample]]:
    for video, row in read_named(path):
        rate, frames = row.number("fps"), row.number("num_frames")
        if rate <= 0 or frames < 0:
            raise row.fault("fps must be above 0 and num_frames not below")
        for number, ((start, end), sentence) in enumerate(_sentences(row, "timestamps", "sentences")):
            span = (start / rate, end / rate)
            facts: dict[str, Fact] = {"duration": frames / rate}
            yield row, _moment(row, f"{video}/{number}", video, sentence, (span,), facts, "tacos")


def _qvhighlights(path: Path) -> Iterator[tuple[Row, Sample]]:
    for row in read_rows(path):
        facts: dict[str, Fact] = {"duration": row.number("duration"), "vid": row.name("vid")}
        for key in ("relevant_clip_ids", "saliency_scores"):
            if row.has(key):
                facts[key] = json.dumps(row.items(key))
        spans = row.spans("relevant_windows")
        yield row, _moment(row, row.name("qid"), row.name("vid"), row.text("query"), spans, facts, "qvhighlights")


def _timelens(path: Path) -> Iterator[tuple[Row, Sample]]:
    part = f"set:{path.stem.removesuffix('-timelens')}"
    if path.suffix.lower() in (*LINES, *TABLES):
        for number, row in enumerate(read_rows(path)):
            video, spans = row.name("video_path"), _harness_spans(row)
            yield row, _moment(row, f"{path.stem}/{number}", video, row.text("query"), spans, {}, "timelens", part)
        return
    for video, row in read_named(path):
        facts: dict[str, Fact] = {"duration": row.number("duration")}
        for number, (span, query) in enumerate(_sentences(row, "spans", "queries")):
            name = f"{path.stem}/{video}/{number}"
            yield row, _moment(row, name, video, query, (span,), facts, "timelens", part)


def _moment(
    row: Row,
    name: str,
    video: str,
    query: str,
    spans: tuple[tuple[float, float], ...],
    facts: Mapping[str, Fact],
    benchmark: str,
    *tags: str,
) -> Sample:
    """Return the sample that asks when something happens."""
    return row.sample(
        id=name,
        film=video,
        question=query.strip(),
        task="moments",
        spans=tuple(Moment(start=start, end=end) for start, end in spans),
        tags=("task:moments", *tags),
        benchmark=benchmark,
        facts=facts,
    )


def _sentences(row: Row, times: str, texts: str) -> list[tuple[tuple[float, float], str]]:
    """Return times and texts of a record that holds them in two lists."""
    spans, sentences = row.spans(times), row.texts(texts)
    if len(spans) != len(sentences):
        raise row.fault(f"{len(spans)} {times} for {len(sentences)} {texts}")
    if not all(sentence.strip() for sentence in sentences):
        raise row.fault(f"one of the {texts} is empty")
    return list(zip(spans, sentences, strict=True))


def _harness_spans(row: Row) -> tuple[tuple[float, float], ...]:
    """Return the spans of a harness record: a list of pairs, or its JSON."""
    value = row.values.get("span")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise row.fault("span is no list of pairs of times") from None
    return Row(where=row.where, values={"span": value}).spans("span")


def _seconds(row: Row, key: str) -> float:
    try:
        value = float(row.text(key))
    except ValueError:
        raise row.fault(f"{key} must be a time in seconds, not {row.text(key)[:60]!r}") from None
    return Row(where=row.where, values={key: value}).number(key)


def _charades_lengths(folder: Path) -> dict[str, float]:
    """Return each video's seconds from the columns `id` and `length` of the dataset's own files."""
    lengths = {}
    for name in _LENGTHS:
        path = folder / name
        if path.is_file():
            for row in read_rows(path):
                lengths[row.name("id")] = _seconds(row, "length")
    return lengths
