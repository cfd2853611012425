"""Finds out how a subtitle file writes its characters: byte order marks, UTF-8, UTF-16, else the likeliest guess."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

import charset_normalizer

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = (
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),
    ("cp1252", "äöüß"),
    ("cp1252", "áéíñóúü"),
    ("cp1252", "áâãàçéêíóôõú"),
    ("cp1252", "àèéìòù"),
    ("cp1252", "åäöæøé"),
    ("cp1254", "âçğıîöşüûİ"),
    ("cp1252", "áðéíóúýþæö"),
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áčďéěíňóřšťúůýžľĺŕäô"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1250", "ăâîşţ"),
    ("cp1250", "čćđšž"),
    ("iso8859_2", "ąćęłńóśźż"),
    ("iso8859_2", "áčďéěíňóřšťúůýžľĺŕäô"),
    ("cp1257", "ąčęėįšųūž"),
    ("cp1257", "āčēģīķļņšūž"),
    ("cp1257", "äõöüšž"),
)
"""Letters beyond ASCII of the larger languages in Latin script, with the code page their subtitles come in.
Where two fit equally well the earlier one counts."""
_SAMPLE = 64 << 10
_LEADING_BYTES = bytes(range(0xC0, 0x100))
_DAMAGE = 0.1


@dataclass(frozen=True, kw_only=True)
class DecodedText:
    """A file's text and how it was read."""

    text: str
    encoding: str
    is_guess: bool
    """Whether the file does not say how it is written, and its bytes do not prove it."""
    num_damaged: int
    """Characters that could not be read; a replacement character stands in the text for each."""


def decode_text(data: bytes) -> DecodedText:
    """Decode a subtitle file's bytes.

    Example:
        >>> decode_text("Où êtes-vous, mon garçon ?".encode("cp1252")).encoding
        'cp1252'
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data, encoding, is_guess=False)
    wide = _wide_encoding(data)
    if wide is not None:
        return _decode(data, wide, is_guess=True)
    unicode = _decode(data, "utf-8", is_guess=False)
    num_leading = len(data) - len(data.translate(None, delete=_LEADING_BYTES))
    if unicode.num_damaged <= _DAMAGE * num_leading:
        return unicode
    return _decode(data, _guess(data), is_guess=True)


def _decode(data: bytes, encoding: str, *, is_guess: bool) -> DecodedText:
    try:
        text, num_damaged = data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        num_damaged = text.count("\ufffd")
    return DecodedText(text=text, encoding=encoding, is_guess=is_guess, num_damaged=num_damaged)


def _wide_encoding(data: bytes) -> str | None:
    """Recognise UTF-16 without a mark: the times of subtitles are ASCII, so every other byte is often zero."""
    sample = data[:_SAMPLE]
    high, low = sample[0::2].count(0), sample[1::2].count(0)
    if max(high, low) <= len(sample) / 5 or max(high, low) < 4 * min(high, low):
        return None  # few zeros, or zeros of no order: a damaged file
    return "utf-16-be" if high > low else "utf-16-le"


def _guess(data: bytes) -> str:
    lines = [line for line in re.split(rb"[\r\n]+", data) if not line.isascii()]
    sample = b"\n".join(lines)
    if len(sample) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n", 0, _SAMPLE) + 1] or sample[:_SAMPLE]
    best = charset_normalizer.from_bytes(sample).best()
    if best is not None and not _is_latin(str(best)):
        return best.encoding
    # charset-normalizer takes French for Baltic and Turkish for Polish: it counts letters, not alphabets.
    return max(_LATIN, key=lambda entry: _fit(sample, *entry))[0]


def _is_latin(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha() and not letter.isascii()]
    return 2 * sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters) >= len(letters)


def _fit(sample: bytes, encoding: str, alphabet: str) -> float:
    """Return the share of the characters beyond ASCII that are letters of the alphabet, or common signs."""
    known = set(alphabet + alphabet.upper() + "«»“”„‘’…–—¿¡°\N{NO-BREAK SPACE}♪")
    beyond = [letter for letter in sample.decode(encoding, "replace") if not letter.isascii()]
    return sum(letter in known for letter in beyond) / max(1, len(beyond))
