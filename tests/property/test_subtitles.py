"""What holds for every subtitle file: nothing said is lost, order does not matter, times are the film's."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from movieqa import movie_files
from movieqa.errors import SubtitleError
from movieqa.movie import Subtitle
from movieqa.preprocess.subtitle_cues import Cue, settle_cues
from movieqa.preprocess.subtitle_encoding import decode_text
from movieqa.preprocess.subtitle_formats import parse_subtitles
from movieqa.preprocess.subtitle_markup import html_text, substation_text, tidy, vtt_text

MILLISECONDS = st.integers(min_value=0, max_value=500 * 3_600_000)
PLAIN = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp"), exclude_characters="<>&{}\\"))
WORDS = st.text(alphabet=st.characters(categories=("L", "N", "P")), min_size=1, max_size=12)
LINE = st.lists(
    st.sampled_from(["42", "7", "a", "-->", "ANNA:", "<3", "NOTE", "x < y", "é", "at 1:2", "映画", "{sigh}"]),
    min_size=1,
    max_size=4,
).map(" ".join)
TEXT = st.lists(LINE, min_size=1, max_size=3).map("\n".join)


@st.composite
def subtitles(draw: st.DrawFn) -> list[Subtitle]:
    lines = []
    for _ in range(draw(st.integers(min_value=1, max_value=12))):
        start = draw(MILLISECONDS)
        length = draw(st.integers(min_value=1, max_value=20_000))
        lines.append(Subtitle(start=start / 1000, end=(start + length) / 1000, text=draw(TEXT), source="f"))
    return sorted(set(lines), key=lambda line: (line.start, line.end))


def read_back(text: str) -> list[tuple[float, float, str]]:
    settled = settle_cues(parse_subtitles(text, "f").cues, shift=0.0, film_end=0.0, source="f")
    return sorted((line.start, line.end, line.text) for line in settled.subtitles)


@given(subtitles())
def test_what_is_written_as_subrip_is_read_again(lines: list[Subtitle]) -> None:
    written = movie_files.dump_srt(lines)
    expected = sorted((line.start, line.end, line.text) for line in lines)
    assert read_back(written) == expected
    assert read_back(written.replace("\n", "\r\n").rstrip()) == expected
    assert read_back("WEBVTT\n\n" + written.replace(",", ".")) == expected


@given(subtitles(), st.integers())
def test_the_order_of_the_cues_does_not_matter(lines: list[Subtitle], seed: int) -> None:
    shuffled = random.Random(seed).sample(lines, len(lines))
    assert read_back(movie_files.dump_srt(shuffled)) == read_back(movie_files.dump_srt(lines))


@given(PLAIN)
def test_plain_words_are_never_taken_for_markup(text: str) -> None:
    assert html_text(text) == vtt_text(text) == substation_text(text) == tidy(text)
    assert tidy(text).split() == text.split()


@given(st.lists(st.tuples(WORDS, st.sampled_from(["i", "b", "u", "s", "em"])), min_size=1, max_size=5))
def test_marked_up_words_are_all_kept(parts: list[tuple[str, str]]) -> None:
    plain = [word.translate(str.maketrans("", "", "<>&{}\\")) for word, _ in parts]
    marked = " ".join(f"<{tag}>{word}</{tag}>" for word, (_, tag) in zip(plain, parts, strict=True))
    assert html_text(marked) == tidy(" ".join(plain))


@given(st.text(max_size=60))
def test_tidying_twice_changes_nothing(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)


@given(
    st.lists(
        st.builds(
            Cue,
            start=st.floats(min_value=-1e6, max_value=1e9),
            end=st.floats(min_value=-1e6, max_value=1e9),
            text=st.sampled_from(["", "a", "b"]),
            speaker=st.sampled_from([None, "Anna"]),
        ),
        max_size=20,
    ),
    st.floats(min_value=-1e5, max_value=1e5),
    st.floats(min_value=0, max_value=1e6),
)
def test_settled_cues_are_lines_of_the_film(cues: list[Cue], shift: float, film_end: float) -> None:
    settled = settle_cues(cues, shift=shift, film_end=film_end, source="f").subtitles
    assert list(settled) == sorted(settled, key=lambda line: (line.start, line.end))
    assert len(set(settled)) == len(settled)
    assert all(film_end == 0 or line.start < film_end for line in settled)
    assert movie_files.load_subtitles(movie_files.dump_subtitles(settled).encode()) == settled


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=100))
def test_marked_and_unicode_text_is_decoded_exactly(text: str) -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert decode_text(text.encode(encoding)).text == text


@given(
    st.sampled_from([b"", b"WEBVTT\n\n", b"[Events]\nDialogue: ", b"1\n00:00:01,000 --> 00:00:02,000\n", b"\xff\xfe"]),
    st.binary(max_size=300),
)
def test_any_bytes_are_read_or_refused(head: bytes, data: bytes) -> None:
    try:
        parsed = parse_subtitles(decode_text(head + data).text, "f")
    except SubtitleError as error:
        assert "\n" not in str(error)
    else:
        settle_cues(parsed.cues, shift=0.0, film_end=0.0, source="f")
