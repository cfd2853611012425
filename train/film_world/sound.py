"""Sound: every line is spoken where a speech synthesiser is installed, else hummed in its speaker's own pitch."""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from .dice import Dice
from .records import Event, Film

SAMPLE_RATE = 22_050
_BLOCK = 1024
_TIMEOUT = 20.0


class SoundTrack:
    """The sound of a film, made as it is asked for."""

    def __init__(self, film: Film, *, speaks: bool = True) -> None:
        self._lines = [event for event in film.events if event.text is not None]
        self._next = 0
        self._women = {person.id: person.is_woman for person in film.people}
        self._ages = {person.id: person.look.age for person in film.people}
        self._program = shutil.which("espeak-ng") if speaks else None
        self._tail = np.zeros(0, np.float32)
        self._at = 0
        self._current: list[tuple[int, NDArray[np.float32]]] = []

    @property
    def has_speech(self) -> bool:
        """Whether lines are spoken rather than hummed."""
        return self._program is not None

    def blocks(self, start: float, end: float) -> Iterator[AudioFrame]:
        """Yield the sound from start to end; calls must follow one another without a gap."""
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        for begin in range(first, last, _BLOCK * 64):
            yield from self._frames(self._mix(begin, min(begin + _BLOCK * 64, last)))

    def _frames(self, samples: NDArray[np.float32]) -> Iterator[AudioFrame]:
        samples = np.concatenate([self._tail, samples])
        whole = len(samples) // _BLOCK * _BLOCK
        for begin in range(0, whole, _BLOCK):
            frame = AudioFrame.from_ndarray(samples[None, begin : begin + _BLOCK], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = self._at
            frame.time_base = Fraction(1, SAMPLE_RATE)
            self._at += _BLOCK
            yield frame
        self._tail = samples[whole:]

    def _mix(self, first: int, last: int) -> NDArray[np.float32]:
        room = np.zeros(last - first, np.float32)
        while self._next < len(self._lines) and self._lines[self._next].start * SAMPLE_RATE < last:
            line = self._lines[self._next]
            self._current.append((round(line.start * SAMPLE_RATE), self._voice(line)))
            self._next += 1
        for begin, samples in self._current:
            low, high = max(begin, first), min(begin + len(samples), last)
            if low < high:
                room[low - first : high - first] += samples[low - begin : high - begin]
        self._current = [(begin, samples) for begin, samples in self._current if begin + len(samples) > last]
        return room

    def _voice(self, line: Event) -> NDArray[np.float32]:
        length = round((line.end - line.start) * SAMPLE_RATE)
        samples = self._speak(line) if self._program is not None else None
        if samples is None:
            samples = _hum(line, self._pitch(line.agent), length)
        return np.asarray(samples[:length], np.float32)

    def _pitch(self, person: str) -> float:
        low = 165.0 if self._women[person] else 95.0
        return low * Dice("voice", person).number(0.85, 1.25) * (1.5 if self._ages[person] == "child" else 1.0)

    def _speak(self, line: Event) -> NDArray[np.float32] | None:
        """Return a line as the synthesiser speaks it, or None when it fails; the line is then hummed."""
        words = len((line.text or "").split())
        rate = int(min(320, max(150, 75 * words / max(0.6, line.end - line.start) + 60)))
        variant = Dice("voice", line.agent).whole(1, 4)
        voice = f"en+{'f' if self._women[line.agent] else 'm'}{variant}"
        command = [
            self._program or "",
            "-v",
            voice,
            "-s",
            str(rate),
            "-p",
            str(int(self._pitch(line.agent) / 4)),
            "--stdout",
        ]
        try:
            done = subprocess.run(
                command, input=(line.text or "").encode(), capture_output=True, timeout=_TIMEOUT, check=True
            )
            with wave.open(io.BytesIO(_with_length(done.stdout))) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768.0
                given = file.getframerate()
        except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
            return None
        if given != SAMPLE_RATE:
            positions = np.arange(0, len(samples), given / SAMPLE_RATE)
            samples = np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
        return np.asarray(samples * 0.8, np.float32)


def _with_length(data: bytes) -> bytes:
    """Give a streamed WAV file its true length: the synthesiser cannot know it beforehand."""
    size = len(data) - 44
    return data[:4] + (size + 36).to_bytes(4, "little") + data[8:40] + size.to_bytes(4, "little") + data[44:]


def _hum(line: Event, pitch: float, length: int) -> NDArray[np.float32]:
    """Return a line as tones, one a syllable."""
    text = line.text or ""
    syllables = max(1, sum(text.lower().count(vowel) for vowel in "aeiouy"))
    time = np.arange(length) / SAMPLE_RATE
    position = np.minimum((time / (length / SAMPLE_RATE) * syllables).astype(int), syllables - 1)
    dice = Dice("hum", line.id)
    pitches = np.array([pitch * 2 ** (dice.whole(-3, 4) / 12) for _ in range(syllables)])
    phase = np.cumsum(pitches[position]) / SAMPLE_RATE * 2 * np.pi
    within = time / (length / SAMPLE_RATE) * syllables - position
    envelope = np.sin(np.pi * np.clip(within, 0, 1)) ** 0.6
    return np.asarray(
        0.22 * envelope * (np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.15 * np.sin(3 * phase)), np.float32
    )
