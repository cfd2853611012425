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
_RUSSIAN = "".join(map(chr, range(0x430, 0x450))) + "ё"
_UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
_SERBIAN = "абвгдђежзијклљмнњопрстћуфхцчџш"
_GREEK = "".join(map(chr, range(0x3AC, 0x3CF)))
_HEBREW = "".join(map(chr, range(0x5D0, 0x5EB)))
_ARABIC = "".join(map(chr, range(0x621, 0x653))) + "پچژگ"
_ALPHABETS = (
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
    ("cp1255", _HEBREW),  # before the others, whose alphabets cover it
    ("cp1251", _RUSSIAN),
    ("cp1251", _UKRAINIAN),
    ("cp1251", _SERBIAN),
    ("koi8_u", _RUSSIAN),
    ("koi8_u", _UKRAINIAN),
    ("iso8859_5", _RUSSIAN),
    ("cp866", _RUSSIAN),
    ("cp1253", _GREEK),
    ("cp1256", _ARABIC),
)
"""Small letters beyond ASCII of the larger languages, with the one-byte encodings their subtitles come in. Where two
fit equally well the earlier one counts."""
_WORD = re.compile(r"[^\W\d_]+|[^\x00-\x7f]")
_SIGNS = "«»“”„‘’‚…–—¿¡°♪№\N{NO-BREAK SPACE}"
_WIDE = ["cp932", "euc_jp", "gb18030", "big5", "cp949"]
_GOOD_FIT = 0.85
_POOR_FIT = 0.5
_SAMPLE = 64 << 10
_LEADING_BYTES = bytes(range(0xC0, 0x100))
_DAMAGE = 0.25


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
    # By alphabets first: charset-normalizer, which counts letters, takes French for Baltic and Turkish for Polish.
    encoding, alphabet = max(_ALPHABETS, key=lambda entry: _fit(sample, *entry))
    fit = _fit(sample, encoding, alphabet)
    best = None
    if fit < _GOOD_FIT:
        best = charset_normalizer.from_bytes(sample, cp_isolation=_WIDE).best()
    if best is None and fit < _POOR_FIT:
        best = charset_normalizer.from_bytes(sample).best()
    return encoding if best is None else best.encoding


def _fit(sample: bytes, encoding: str, alphabet: str) -> float:
    """Return the share of the characters beyond ASCII that fit an alphabet; capitals, which are rarer, count half."""
    weights = {**dict.fromkeys(alphabet.upper(), 0.5), **dict.fromkeys(alphabet + _SIGNS, 1.0)}
    is_latin = unicodedata.name(alphabet[0]).startswith("LATIN")
    total = num_beyond = 0.0
    for word in _WORD.findall(sample.decode(encoding, "replace")):
        beyond = [letter for letter in word if not letter.isascii()]
        num_beyond += len(beyond)
        # A word of a script of its own has no Latin letters in it.
        if is_latin or len(beyond) == len(word):
            total += sum(weights.get(letter, 0.0) for letter in beyond)
    return total / max(1.0, num_beyond)
