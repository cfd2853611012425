"""Subtitle text of every kind, well made and badly made, into cues."""

from __future__ import annotations

import textwrap

import pysubs2
import pytest

from movieqa.errors import SubtitleError
from movieqa.preprocess import subtitle_formats
from movieqa.preprocess.subtitle_cues import Cue
from movieqa.preprocess.subtitle_formats import parse_subtitles

ASS_HEAD = """\
[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour
Style: Default,Arial,20,&H00FFFFFF
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def read(text: str) -> list[tuple[float, float, str]]:
    return [(cue.start, cue.end, cue.text) for cue in parse_subtitles(textwrap.dedent(text), "film.srt").cues]


def words(text: str) -> list[str]:
    return [text for _, _, text in read(text)]


def test_lines_that_are_numbers_stay() -> None:
    text = """\
        1
        00:00:01,000 --> 00:00:02,000
        42

        2
        00:00:03,000 --> 00:00:04,000
        Room
        7

        3
        00:00:05,000 --> 00:00:06,000
        The number is
        1984
        """
    assert words(text) == ["42", "Room\n7", "The number is\n1984"]
    assert words(text.rstrip()) == words(text)


def test_a_number_cannot_be_told_from_a_cue_number_only_where_cues_are_numbered() -> None:
    unnumbered = "00:00:01,000 --> 00:00:02,000\n42\n\n00:00:03,000 --> 00:00:04,000\nRoom\n7\n"
    assert words(unnumbered + "00:00:05,000 --> 00:00:06,000\nx") == ["42", "Room\n7", "x"]
    first_number_lost = "00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:00:03,000 --> 00:00:04,000\nB\n"
    assert words(first_number_lost) == ["A", "B"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_newline_is_a_newline(newline: str) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nA\nB\n\n2\n00:00:03,000 --> 00:00:04,000\nC\n"
    assert words(text.replace("\n", newline)) == ["A\nB", "C"]


def test_missing_and_surplus_blank_lines() -> None:
    text = """\
        1
        00:00:01,000 --> 00:00:02,000
        A
        2
        00:00:03,000 --> 00:00:04,000

        B

        after a blank line

        3

        00:00:05,000 --> 00:00:06,000
        C
        4
        00:00:07,000 --> 00:00:08,000
        5
        00:00:09,000 --> 00:00:10,000
        E
        """
    assert words(text) == ["A", "B\nafter a blank line", "C", "", "E"]


def test_times_in_every_spelling() -> None:
    assert read(
        """\
        00:00:01.500 --> 00:00:02.25
        dots
        0:0:3,0->0:0:4
        short
        101:00:01,000 --> 101:00:02,000
        many hours
        01:02,5 --> 01:03,5 X1:100 X2:200 Y1:1 Y2:2
        no hours, and a place on the screen
         00: 02: 00, 000  -->  00: 02: 01, 000
        spaces
        -00:00:01,000 --> 00:00:01,000
        before zero
        """
    ) == [
        (1.5, 2.25, "dots"),
        (3.0, 4.0, "short"),
        (363601.0, 363602.0, "many hours"),
        (62.5, 63.5, "no hours, and a place on the screen"),
        (120.0, 121.0, "spaces"),
        (-1.0, 1.0, "before zero"),
    ]


def test_words_with_an_arrow_are_words_and_broken_times_are_counted() -> None:
    parsed = parse_subtitles(
        "1\n00:00:01,000 --> 00:00:02,000\nLondon --> Paris\n\n2\n00:00:03:10 --> 00:00:04:20\nframes\n", "film.srt"
    )
    assert parsed.cues == (Cue(start=1.0, end=2.0, text="London --> Paris"),)
    assert parsed.notes == ("film.srt: 1 cues whose times cannot be read, left out",)


def test_webvtt_notes_styles_names_and_settings_are_no_words() -> None:
    text = """\
        WEBVTT Kind: captions
        Language: en

        NOTE written by hand
        00:00 is a time

        STYLE
        ::cue { color: yellow }

        opening
        00:01.000 --> 00:02.500 align:start position:10%
        Take it &amp; go &lt;now&gt;.

        42
        00:00:03.000 --> 00:00:04.000
        42

        NOTE the end
        """
    assert read(text) == [(1.0, 2.5, "Take it & go <now>."), (3.0, 4.0, "42")]


def test_webvtt_voices_are_speakers() -> None:
    text = """\
        WEBVTT

        00:01.000 --> 00:02.000
        <v.loud Anna>Take <i>it</i>.</v> (noise)
        <v Otto &amp; Mara>No!

        00:03.000 --> 00:04.000
        Nobody in particular
        """
    parsed = parse_subtitles(textwrap.dedent(text), "film.vtt")
    assert [(cue.start, cue.speaker, cue.text) for cue in parsed.cues] == [
        (1.0, "Anna", "Take it."),
        (1.0, None, "(noise)"),
        (1.0, "Otto & Mara", "No!"),
        (3.0, None, "Nobody in particular"),
    ]


def test_captions_that_roll_in_are_told_once() -> None:
    text = """\
        WEBVTT

        00:00:00.160 --> 00:00:02.070 align:start position:0%
        &#32;
        take<00:00:00.400><c> the</c><00:00:00.800><c> key</c>

        00:00:02.070 --> 00:00:02.080
        take the key
        &#32;

        00:00:02.080 --> 00:00:04.000
        take the key
        to<00:00:02.400><c> the</c><00:00:02.800><c> boathouse</c>

        00:00:09.000 --> 00:00:10.000
        to the boathouse
        """
    spaced = textwrap.dedent(text).replace("&#32;", " ")
    assert [(cue.start, cue.end, cue.text) for cue in parse_subtitles(spaced, "film.vtt").cues] == [
        (0.16, 2.07, "take the key"),
        (2.08, 4.0, "to the boathouse"),
        (9.0, 10.0, "to the boathouse"),
    ]


def test_repeated_lines_of_captions_that_do_not_roll_stay() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nNo!\n\n00:02.000 --> 00:03.000\nNo!\n"
    assert words(text) == ["No!", "No!"]


def test_ass_words_and_speakers() -> None:
    dialogue = [
        r"Dialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,0,0,0,,{\an8\i1}Take, {comment}it{\i0}.\NNow\hplease",
        r"Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\p1}m 0 0 l 10 10{\p0}",
        r"Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\k20}Sa{\kf30}ku{\k9}ra",
        r"Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,fx,Sa",
        r"Comment: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,a remark of the writer",
        r"Dialogue: 0,soon,0:00:06.00,Default,,0,0,0,,no time",
        r"Dialogue: 0,0:00:07.00,0:00:08.00,Default,,0,0,0,,an open { brace",
    ]
    parsed = parse_subtitles(ASS_HEAD + "\n".join(dialogue), "film.ass")
    assert [(cue.start, cue.end, cue.speaker, cue.text) for cue in parsed.cues] == [
        (1.0, 2.5, "Anna", "Take, it.\nNow please"),
        (3.0, 4.0, None, ""),
        (3.0, 4.0, None, "Sakura"),
        (7.0, 8.0, None, "an open { brace"),
    ]
    assert parsed.notes == (
        "film.ass: 1 cues whose times cannot be read, left out",
        "film.ass: 1 karaoke effects left out",
    )


def test_one_bad_style_does_not_lose_an_ass_file() -> None:
    text = ASS_HEAD.replace("&H00FFFFFF", "&Hyellow") + "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hello"
    assert words(text) == ["Hello"]


def test_ass_fields_in_another_order() -> None:
    text = "[Events]\nFormat: Start, End, Actor, Text\nDialogue: 0:00:01.00,0:00:02.00,Anna,Hello, you\n"
    (cue,) = parse_subtitles(text, "film.ass").cues
    assert cue == Cue(start=1.0, end=2.0, text="Hello, you", speaker="Anna")


def test_ssa_is_read_like_ass() -> None:
    text = "[Script Info]\n[V4 Styles]\n[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, "
    text += "Effect, Text\nDialogue: Marked=0,0:00:01.00,0:00:02.00,Default,Anna,0000,0000,0000,,Hello, you\n"
    (cue,) = parse_subtitles(text, "film.ssa").cues
    assert cue == Cue(start=1.0, end=2.0, text="Hello, you", speaker="Anna")


def test_a_sign_that_moves_a_frame_at_a_time_is_one_line() -> None:
    frames = [
        f"Dialogue: 0,0:00:01.{start:02d},0:00:01.{start + 4:02d},Sign,,0,0,0,,{{\\pos({start},9)}}Hospital"
        for start in range(0, 80, 4)
    ]
    assert read(ASS_HEAD + "\n".join(frames)) == [(1.0, 1.8, "Hospital")]
    seconds = [f"Dialogue: 0,0:00:0{second}.00,0:00:0{second + 1}.00,Default,,0,0,0,,No!" for second in (1, 2)]
    assert words(ASS_HEAD + "\n".join(seconds)) == ["No!", "No!"]


def test_the_text_says_what_it_is_not_the_name() -> None:
    assert parse_subtitles("WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "film.ass").cues[0].text == "Hello"


def test_nul_characters_and_marks_go() -> None:
    assert words("\ufeff1\n00:00:01,000\x00 --> 00:00:02,000\nH\x00ello\n") == ["Hello"]


@pytest.mark.parametrize("text", ["", "\n\n", "Dear diary,\nnothing happened.\n", "WEBVTT\n", ASS_HEAD, "1\n2\n3\n"])
def test_text_without_cues_is_refused(text: str) -> None:
    with pytest.raises(SubtitleError, match=r"film\.srt: no subtitles in it; give"):
        parse_subtitles(text, "film.srt")


@pytest.mark.parametrize(
    "text",
    [
        "00:00:01,000 --> 00:00:02,000\nA\n" * 11,
        "WEBVTT\n\n" + "00:01.000 --> 00:02.000\nA\n\n" * 11,
        ASS_HEAD + "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,A\n" * 11,
    ],
)
def test_too_many_cues_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert subtitle_formats.MAX_CUES == 200_000
    monkeypatch.setattr(subtitle_formats, "MAX_CUES", 10)
    with pytest.raises(SubtitleError, match="more than 10 cues"):
        parse_subtitles(text, "film.srt")


def test_too_many_lines_are_refused_before_they_fill_the_memory() -> None:
    text = "00:00:01,000 --> 00:00:02,000\n" + "a\r\n" * subtitle_formats.MAX_LINES
    with pytest.raises(SubtitleError, match="more than 2,000,000 lines"):
        parse_subtitles(text, "film.srt")


@pytest.mark.parametrize("form", ["srt", "vtt", "ass", "ssa"])
def test_reads_what_pysubs2_writes(form: str) -> None:
    written = pysubs2.SSAFile()
    for number in range(200):
        start = number * 2500
        written.append(pysubs2.SSAEvent(start=start, end=start + 1230, text=rf"{{\i1}}Line{{\i0}} {number}\Nsecond"))
    cues = parse_subtitles(written.to_string(form), f"film.{form}").cues
    assert [(cue.start, cue.end, cue.text) for cue in cues] == [
        (event.start / 1000, event.end / 1000, f"Line {number}\nsecond") for number, event in enumerate(written)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<" + " " * 200_000,
        "<v" + " a" * 100_000,
        "{\\" * 100_000,
        "&" * 200_000,
        "<i <b <font " * 30_000,
        "1:" + "-" * 200_000,
        "0" * 200_000 + ":00 --> ",
        " " * 200_000 + "-->",
    ],
)
@pytest.mark.parametrize("head", ["", "WEBVTT\n\n"])
@pytest.mark.timeout(20)
def test_hostile_lines_take_no_time(head: str, text: str) -> None:
    assert len(parse_subtitles(f"{head}00:01.000 --> 00:02.000\n{text}\n", "film.srt").cues) >= 1
