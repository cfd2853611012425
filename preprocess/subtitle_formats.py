"""Reads SubRip, WebVTT, ASS and SSA text into cues; what the text is, the text itself says.

ASS and SSA go through pysubs2. SubRip and WebVTT do not, because its reader of these loses words: a last line that is
a number, every WebVTT speaker, hours from 100 on; and it takes WebVTT notes and cue names for words.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence

import pysubs2

from movieqa.errors import SubtitleError

from .subtitle_cues import Cue, CueList
from .subtitle_markup import has_vtt_times, html_text, substation_text, tidy, vtt_text

MAX_CUES = 200_000
MAX_LINES = 2_000_000
_TIME = r"(-?)(?:(\d{1,9})\s*:\s*)?(\d{1,9})\s*:\s*(\d{1,9})(?:\s*[.,]\s*(\d{1,9})\d*)?"
_TIMING = re.compile(rf"\s*{_TIME}\s*-{{1,3}}>\s*{_TIME}(?![\d:]).*", re.ASCII)
_TIME_BEGINS = re.compile(r"\s*-?\d+\s*:", re.ASCII)
_NUMBER = re.compile(r"\s*\d{1,9}\s*", re.ASCII)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?\s+([^<>]*+)>")
_VOICE_ENDS = "</v>"
_SECTION = re.compile(r"\s*\[([^\]]+)\]\s*")
_DIALOGUE = re.compile(r"Dialogue:[^,]*,(?:\s*-?\d{1,2}:\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?\s*,){2}", re.ASCII)
_ROLLING_GAP = 0.05
_FLASH = 0.1


def parse_subtitles(text: str, name: str) -> CueList:
    """Read the text of a subtitle file.

    Args:
        text: SubRip, WebVTT, ASS or SSA, whatever the file is called.
        name: What errors and notes call it.

    Returns:
        The cues in the order of the text, times on the text's own clock.

    Raises:
        SubtitleError: It is none of these formats, or holds more than 200,000 cues or 2,000,000 lines.

    Example:
        >>> parse_subtitles("1\\n00:00:01,000 --> 00:00:02,500\\n42\\n", "film.srt").cues[0].text
        '42'
    """
    if text.count("\n") + text.count("\r") - text.count("\r\n") > MAX_LINES:
        raise SubtitleError(f"{name}: more than {MAX_LINES:,} lines", hint="give the subtitles of one film")
    lines = re.split(r"\r\n|\r|\n", text.replace("\x00", "").replace("\ufeff", ""))
    if "events" in _headings(lines) and any(line.startswith("Dialogue:") for line in lines):
        parsed = _parse_substation(lines, name)
    else:
        is_vtt = next((line for line in lines if line.strip()), "").startswith("WEBVTT")
        parsed = _parse_timed_text(lines, name, is_vtt=is_vtt)
    if not parsed.cues:
        raise SubtitleError(f"{name}: no subtitles in it", hint="give a SubRip, WebVTT, ASS or SSA file")
    return parsed


def _parse_timed_text(lines: Sequence[str], name: str, *, is_vtt: bool) -> CueList:
    timings: list[tuple[int, re.Match[str] | None]] = []
    for position, line in enumerate(lines):
        match = _TIMING.match(line)
        if match or _looks_like_timing(line):
            timings.append((position, match))
            _check_number(len(timings), name)
    cues: list[Cue] = []
    numbers = _NumberLines(lines, first=timings[0][0] if timings else 0)
    bounds = [position for position, _ in timings] + [len(lines)]
    for (position, match), following in zip(timings, bounds[1:], strict=True):
        if is_vtt:
            end = next((at for at in range(position + 1, following) if not lines[at]), following)
        else:
            end = numbers.text_end(position + 1, following)
        if match:
            times = match.groups()
            body = "\n".join(lines[position + 1 : end])
            for speaker, words in _split_voices(body) if is_vtt else [(None, html_text(body))]:
                cues.append(Cue(start=_seconds(times[:5]), end=_seconds(times[5:]), text=words, speaker=speaker))
    if is_vtt and any(has_vtt_times(line) for line in lines):
        cues = _unroll(cues)
    return CueList(cues=tuple(cues), notes=_broken_note(name, sum(match is None for _, match in timings)))


def _looks_like_timing(line: str) -> bool:
    before, arrow, after = line.partition("-->")
    return bool(arrow and _TIME_BEGINS.match(before) and _TIME_BEGINS.match(after))


class _NumberLines:
    """Tells the number that stands before a SubRip cue from a line of words that is a number."""

    def __init__(self, lines: Sequence[str], *, first: int) -> None:
        self._lines = lines
        self._are_cues_numbered = first > 0 and self._is_number(first - 1)
        self._expected = int(lines[first - 1]) + 1 if self._are_cues_numbered else 2

    def text_end(self, begin: int, timing: int) -> int:
        """Return where the words that begin at a line end, given the line of the next cue's times."""
        last = timing - 1
        while last >= begin and not self._lines[last].strip():
            last -= 1
        if timing == len(self._lines) or last < begin or not self._is_number(last):
            self._expected += 1
            return last + 1
        number = int(self._lines[last])
        is_after_blank = last > begin and not self._lines[last - 1].strip()
        if last == timing - 1:
            is_cue_number = self._are_cues_numbered or is_after_blank
        else:
            is_cue_number = is_after_blank and number == self._expected
        self._expected = (number if is_cue_number else self._expected) + 1
        return last if is_cue_number else last + 1

    def _is_number(self, position: int) -> bool:
        return _NUMBER.fullmatch(self._lines[position]) is not None


def _seconds(groups: Sequence[str | None]) -> float:
    sign, hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    time = whole + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)
    return -time if sign else time


def _split_voices(body: str) -> Iterator[tuple[str | None, str]]:
    """Yield each speaker of a WebVTT cue with the words spoken; one pair even where there are no words."""
    parts = _VOICE.split(body)
    said: list[tuple[str | None, str]] = [(None, vtt_text(parts[0]))]
    for name, rest in zip(parts[1::2], parts[2::2], strict=True):
        words, _, after = rest.partition(_VOICE_ENDS)
        said += [(vtt_text(name) or None, vtt_text(words)), (None, vtt_text(after))]
    spoken = [(name, words) for name, words in said if words]
    yield from spoken or said[:1]


def _unroll(cues: Sequence[Cue]) -> list[Cue]:
    """Take out of captions that roll in word by word the lines that each repeats from the one before."""
    fresh: list[Cue] = []
    earlier: list[str] = []
    earlier_end = float("-inf")
    for cue in cues:
        lines = cue.text.split("\n") if cue.text else []
        repeated = 0
        if cue.start <= earlier_end + _ROLLING_GAP:
            sizes = range(min(len(lines), len(earlier)), 0, -1)
            repeated = next((size for size in sizes if lines[:size] == earlier[-size:]), 0)
        if words := "\n".join(lines[repeated:]):
            fresh.append(Cue(start=cue.start, end=cue.end, text=words, speaker=cue.speaker))
        earlier, earlier_end = lines or earlier, max(cue.end, cue.start)
    return fresh


def _parse_substation(lines: Sequence[str], name: str) -> CueList:
    is_ssa = "v4 styles" in _headings(lines)
    dialogue, num_broken = _dialogue_lines(lines, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of layers and margins, which are not used
        # Only the dialogue: one bad colour in a style would make pysubs2 refuse the whole file.
        events = pysubs2.SSAFile.from_string("[Events]\n" + "\n".join(dialogue), format_="ssa" if is_ssa else "ass")
    cues: list[Cue] = []
    num_effects = 0
    for event in events:
        if event.effect.strip().casefold() == "fx":
            num_effects += 1
            continue
        cue = Cue(
            start=event.start / 1000,
            end=event.end / 1000,
            text=substation_text(event.text),
            speaker=tidy(event.name) or None,
        )
        if cues and _continues_animation(cues[-1], cue):
            cues[-1] = Cue(start=cues[-1].start, end=cue.end, text=cue.text, speaker=cue.speaker)
        else:
            cues.append(cue)
    notes = [*_broken_note(name, num_broken)]
    if num_effects:
        notes.append(f"{name}: {num_effects} karaoke effects left out")
    return CueList(cues=tuple(cues), notes=tuple(notes))


def _dialogue_lines(lines: Sequence[str], name: str) -> tuple[list[str], int]:
    """Return the dialogue lines in the standard order of fields, and how many have times nobody can read."""
    dialogue: list[str] = []
    num_broken = 0
    standard = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text"]
    fields = standard
    is_events = False
    for line in map(str.strip, lines):
        if section := _SECTION.fullmatch(line):
            is_events = section.group(1).casefold() == "events"
        elif is_events and line.startswith("Format:"):
            named = [field.strip().casefold() for field in line.removeprefix("Format:").split(",")]
            fields = [{"actor": "name", "marked": "layer"}.get(field, field) for field in named]
        elif is_events and line.startswith("Dialogue:"):
            if fields != standard:
                values = line.removeprefix("Dialogue:").split(",", max(0, len(fields) - 1))
                told = dict(zip(fields, values, strict=False))
                line = "Dialogue:" + ",".join(told.get(field, "") for field in standard)
            if _DIALOGUE.match(line):
                dialogue.append(line)
            else:
                num_broken += 1
            _check_number(len(dialogue) + num_broken, name)
    return dialogue, num_broken


def _headings(lines: Sequence[str]) -> set[str]:
    return {section.group(1).casefold() for line in lines if (section := _SECTION.fullmatch(line))}


def _continues_animation(earlier: Cue, later: Cue) -> bool:
    """Return whether two lines are one that moves: signs that follow the picture are written a line a frame."""
    is_same = (earlier.text, earlier.speaker) == (later.text, later.speaker)
    return is_same and earlier.end == later.start and 0 < later.end - later.start <= _FLASH


def _check_number(number: int, name: str) -> None:
    if number > MAX_CUES:
        raise SubtitleError(f"{name}: more than {MAX_CUES:,} cues", hint="give the subtitles of one film")


def _broken_note(name: str, number: int) -> tuple[str, ...]:
    return (f"{name}: {number} cues whose times cannot be read, left out",) if number else ()
