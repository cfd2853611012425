"""Shots for other programs, read back with those programs' own libraries."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec as real_find_spec
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pysubs2
import pytest

from movieqa import api, timeline
from movieqa.errors import ConfigError, MissingDependencyError
from movieqa.export import CSV_COLUMNS, MOMENT_COLUMNS, export_moments, export_shots
from movieqa.people_search import PeopleMoment
from movieqa.timeline import timecode_rate
from movieqa.times import parse_time
from movieqa.workspace import Workspace
from tests.workspaces import make_shots, make_subtitles, make_workspace

NTSC_FILM = Fraction(24000, 1001)


def make_film(folder: Path, *, rate: Fraction = Fraction(25), name: str = "film.mkv") -> Workspace:
    """Make a film of five shots: a cut, a dissolve of 0.48 s, a shot of one frame, and a fade of a second."""
    shots = list(make_shots(0, 2, 4, 6, 6.04, 9))
    shots[2] = replace(shots[2], kind="dissolve", transition=0.48)
    shots[4] = replace(shots[4], kind="fade", transition=1.0)
    lines = make_subtitles((0.5, 2.5, "Anna> Take it,\nnow!"), (2.0, 2.4, "42"), (5.0, 5.5, 'He said "go", then'))
    return make_workspace(folder, shots=shots, subtitles=lines, rate=rate, name=name)


def read_edl(text: str, rate: Fraction) -> Any:
    return otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate))


def test_csv_holds_every_shot_and_what_is_heard_in_it(tmp_path: Path) -> None:
    workspace = make_film(tmp_path)
    rows = list(csv.DictReader(io.StringIO(export_shots(workspace, "csv"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["shot"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [row["kind"] for row in rows] == ["start", "cut", "dissolve", "cut", "fade"]
    assert [float(row["transition_seconds"]) for row in rows] == [0, 0, 0.48, 0, 1]
    assert [row["subtitles"] for row in rows] == [
        "Anna: Take it, now!",
        "Anna: Take it, now! / 42",
        'He said "go", then',
        "",
        "",
    ]
    for row, shot in zip(rows, workspace.shots, strict=True):
        assert (float(row["start_seconds"]), float(row["end_seconds"])) == (shot.start, shot.end)
        assert (parse_time(row["start"]), parse_time(row["end"])) == (shot.start, shot.end)
        assert (workspace.path / row["keyframe"]).is_file()


def test_vtt_chapters_are_read_by_a_player(tmp_path: Path) -> None:
    text = export_shots(make_film(tmp_path), "vtt")
    assert text.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nShot 1\n\n2\n")
    chapters = pysubs2.SSAFile.from_string(text, "vtt")
    assert [(chapter.start, chapter.end, chapter.text) for chapter in chapters] == [
        (0, 2000, "Shot 1"),
        (2000, 4000, "Shot 2"),
        (4000, 6000, "Shot 3 (dissolve)"),
        (6000, 6040, "Shot 4"),
        (6040, 9000, "Shot 5 (fade)"),
    ]


def test_otio_has_a_clip_a_shot_at_the_films_rate(tmp_path: Path) -> None:
    workspace = make_film(tmp_path, rate=NTSC_FILM, name="My film – №1.mkv")
    film = otio.adapters.read_from_string(export_shots(workspace, "otio"), "otio_json")
    assert film.name == "My film – №1"
    (track,) = film.video_tracks()
    clips = list(track.find_clips())
    assert [clip.name for clip in clips] == ["Shot 1", "Shot 2", "Shot 3 (dissolve)", "Shot 4", "Shot 5 (fade)"]
    for clip, shot in zip(clips, workspace.shots, strict=True):
        assert clip.source_range.start_time.rate == float(NTSC_FILM)
        assert clip.source_range.start_time.to_seconds() == pytest.approx(shot.start, abs=0.03)
        assert clip.source_range.end_time_exclusive().to_seconds() == pytest.approx(shot.end, abs=0.03)
        assert clip.range_in_parent() == clip.source_range, "source and record times agree"
        assert clip.media_reference.target_url == "My film – №1.mkv"
        assert clip.metadata["movieqa"]["keyframe"] == workspace.keyframe(shot)
    transitions = [item for item in track if isinstance(item, otio.schema.Transition)]
    assert [(item.name, item.transition_type) for item in transitions] == [
        ("dissolve", "SMPTE_Dissolve"),
        ("fade", "Custom_Transition"),
    ]
    assert [(item.in_offset.value, item.out_offset.value) for item in transitions] == [(6, 6), (0, 12)]


def test_otio_marks_the_subtitles(tmp_path: Path) -> None:
    film = otio.adapters.read_from_string(export_shots(make_film(tmp_path), "otio"), "otio_json")
    marks = [
        (clip.name, mark.name, mark.marked_range.start_time.to_seconds(), mark.metadata["movieqa"]["speaker"])
        for clip in film.find_clips()
        for mark in clip.markers
    ]
    assert marks == [
        ("Shot 1", "Take it, now!", 0.48, "Anna"),
        ("Shot 2", "42", 2.0, ""),
        ("Shot 3 (dissolve)", 'He said "go", then', 5.0, ""),
    ]


def test_edl_is_read_back_with_its_dissolve(tmp_path: Path) -> None:
    text = export_shots(make_film(tmp_path), "edl")
    assert text.startswith("TITLE: film\nFCM: NON-DROP FRAME\n\n001  AX ")
    (track,) = read_edl(text, Fraction(25)).video_tracks()
    clips = list(track.find_clips())
    assert {clip.name for clip in clips} == {"film.mkv"}
    assert {clip.media_reference.target_url for clip in clips} == {"film.mkv"}
    (dissolve,) = (item for item in track if isinstance(item, otio.schema.Transition))
    assert track.index(dissolve) == 2
    assert dissolve.out_offset.value == 12, "0.48 s at 25 frames a second"
    frames = [(clip.source_range.start_time.value, clip.source_range.end_time_exclusive().value) for clip in clips]
    assert frames == [(0, 50), (50, 94), (94, 150), (150, 151), (151, 225)], "the dissolve is centred on frame 100"
    assert [clip.range_in_parent() for clip in clips] == [clip.source_range for clip in clips]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Fraction(24), Fraction(24)),
        (NTSC_FILM, NTSC_FILM),
        (Fraction(2997, 125), NTSC_FILM),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (Fraction(60000, 1001), Fraction(60000, 1001)),
        (Fraction(25, 2), Fraction(25)),
        (Fraction(15), Fraction(30)),
        (Fraction(100), Fraction(50)),
        (Fraction(120), Fraction(60)),
        (Fraction(1), Fraction(24)),
        (Fraction(273, 10), Fraction(25)),
        (Fraction(1000), Fraction(50)),
    ],
)
def test_edl_counts_at_a_rate_time_codes_exist_for(tmp_path: Path, rate: Fraction, expected: Fraction) -> None:
    assert timecode_rate(rate) == expected
    workspace = make_film(tmp_path, rate=rate)
    text = export_shots(workspace, "edl")
    is_drop_frame = expected in (Fraction(30000, 1001), Fraction(60000, 1001))
    assert text.splitlines()[1] == ("FCM: DROP FRAME" if is_drop_frame else "FCM: NON-DROP FRAME")
    assert (";" in text) == is_drop_frame
    clips = list(read_edl(text, expected).find_clips())
    for clip, shot in zip(clips, workspace.shots, strict=True):
        assert clip.source_range.end_time_exclusive().to_seconds() == pytest.approx(
            shot.end, abs=0.3 if shot.index == 1 else 1.5 / float(expected)
        )


def test_transitions_that_would_meet_are_shortened(tmp_path: Path) -> None:
    shots = [replace(shot, transition=4.0) if shot.index else shot for shot in make_shots(0, 3, 4, 7, kind="dissolve")]
    workspace = make_workspace(tmp_path, shots=shots)
    (track,) = otio.adapters.read_from_string(export_shots(workspace, "otio"), "otio_json").video_tracks()
    offsets = [(item.in_offset.value, item.out_offset.value) for item in track if item.schema_name() == "Transition"]
    assert offsets == [(37, 12), (12, 37)]
    clips = list(read_edl(export_shots(workspace, "edl"), Fraction(25)).find_clips())
    assert all(clip.source_range.duration.value > 0 for clip in clips)
    assert clips[-1].source_range.end_time_exclusive().value == 175


def test_shots_shorter_than_a_frame_still_have_one(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(0, 1, 1.001, 1.002, 1.003, 3))
    clips = list(read_edl(export_shots(workspace, "edl"), Fraction(25)).find_clips())
    assert [clip.source_range.duration.value for clip in clips] == [25, 1, 1, 1, 47]


def test_a_whole_film_of_two_thousand_shots(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path, shots=make_shots(*range(0, 8001, 4)), num_frames=10)
    text = export_shots(workspace, "edl")
    clips = list(read_edl(text, Fraction(25)).find_clips())
    assert len(clips) == 2000
    assert clips[-1].source_range.end_time_exclusive().to_seconds() == 8000


@pytest.mark.parametrize("name", ["a\n001  AX  V  C\n.mkv", "no suffix", "..mkv", "100%20é;'\".mkv"])
@pytest.mark.parametrize("format", ["csv", "edl", "otio", "vtt"])
def test_names_cannot_break_a_format(tmp_path: Path, name: str, format: Any) -> None:
    text = export_shots(make_film(tmp_path, name=name), format)
    if format == "edl":
        assert len(list(read_edl(text, Fraction(25)).find_clips())) == 5
    if format == "otio":
        assert len(list(otio.adapters.read_from_string(text, "otio_json").find_clips())) == 5


def test_the_same_workspace_gives_the_same_text(tmp_path: Path) -> None:
    workspace = make_film(tmp_path)
    for format in ("csv", "edl", "otio", "vtt"):
        text = export_shots(workspace, format)  # type: ignore[arg-type]
        assert text == export_shots(Workspace.open(workspace.path), format)  # type: ignore[arg-type]
        assert str(tmp_path) not in text
        assert text.endswith("\n")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown format 'fcpxml'; one of csv, edl, otio, vtt"):
        export_shots(make_film(tmp_path), "fcpxml")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("format", "missing"),
    [("edl", "opentimelineio"), ("otio", "opentimelineio"), ("edl", "otio_cmx3600_adapter")],
)
def test_without_opentimelineio_the_way_to_get_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Any, missing: str
) -> None:
    workspace = make_film(tmp_path)
    monkeypatch.setattr(timeline, "find_spec", lambda name: None if name == missing else real_find_spec(name))
    with pytest.raises(MissingDependencyError) as error:
        export_shots(workspace, format)
    assert str(error.value) == f'this format needs {missing}, which is not installed; pip install "movieqa[otio]"'
    assert export_shots(workspace, "csv") and export_shots(workspace, "vtt")


def test_the_api_writes_the_file(tmp_path: Path) -> None:
    workspace = make_film(tmp_path)
    text = api.export(workspace.path, shots="edl", output=tmp_path / "film.edl")
    assert (tmp_path / "film.edl").read_text() == text


MOMENTS = (
    PeopleMoment(start=1.0, end=2.0, people=("Mara", "Otto")),
    PeopleMoment(start=3.5, end=6.02, people=("=Mara --> <b>\n001  AX  V  C",)),
    PeopleMoment(start=8.99, end=9.0, people=("Mara",)),
)


def test_moments_are_exported_as_shots_are(tmp_path: Path) -> None:
    workspace = make_film(tmp_path)
    rows = list(csv.DictReader(io.StringIO(export_moments(workspace, MOMENTS, "csv"))))
    assert tuple(rows[0]) == MOMENT_COLUMNS
    assert [(float(row["start_seconds"]), float(row["end_seconds"])) for row in rows] == [
        (moment.start, moment.end) for moment in MOMENTS
    ]
    assert [row["people"] for row in rows] == ["Mara, Otto", "'" + MOMENTS[1].people[0], "Mara"], "no formula"
    assert [row["subtitles"] for row in rows] == ["Anna: Take it, now!", 'He said "go", then', ""]
    assert [row["keyframe"] for row in rows] == ["keyframes/0001.jpg", "keyframes/0002.jpg", "keyframes/0005.jpg"]
    chapters = pysubs2.SSAFile.from_string(export_moments(workspace, MOMENTS, "vtt"), "vtt")
    assert [(chapter.start, chapter.end) for chapter in chapters] == [(1000, 2000), (3500, 6020), (8990, 9000)]
    assert chapters[0].text == "Moment 1: Mara, Otto"


def test_editors_get_moments_one_after_the_other(tmp_path: Path) -> None:
    workspace = make_film(tmp_path)
    film = otio.adapters.read_from_string(export_moments(workspace, MOMENTS, "otio"), "otio_json")
    edit = read_edl(export_moments(workspace, MOMENTS, "edl"), Fraction(25))
    wanted = [(25, 50), (88, 150), (225, 226)]  # the last is shorter than a frame and still has one
    for clips in (list(film.find_clips()), list(edit.find_clips())):
        ranges = [clip.source_range for clip in clips]
        assert [(one.start_time.value, one.end_time_exclusive().value) for one in ranges] == wanted
        starts = [clip.range_in_parent().start_time.value for clip in clips]
        assert starts == [0, 25, 87], "nothing of the film between them"
    clips = list(film.find_clips())
    facts = clips[0].metadata["movieqa"]
    assert (list(facts["people"]), facts["moment"], facts["keyframe"]) == (["Mara", "Otto"], 1, "keyframes/0001.jpg")
    assert [[mark.name for mark in clip.markers] for clip in clips] == [["Take it, now!"], ['He said "go", then'], []]
    assert "* Moment 1: Mara, Otto\n" in export_moments(workspace, MOMENTS, "edl")


@pytest.mark.parametrize("format", ["csv", "edl", "otio", "vtt"])
def test_a_search_that_finds_nothing_exports_nothing(tmp_path: Path, format: Any) -> None:
    text = export_moments(make_film(tmp_path), (), format)
    assert text.endswith("\n") and "Moment" not in text
    if format == "otio":
        assert not list(otio.adapters.read_from_string(text, "otio_json").find_clips())
    if format == "edl":
        assert text == "TITLE: film\nFCM: NON-DROP FRAME\n"
