"""Takes the markup out of subtitle lines and leaves the words."""

from __future__ import annotations

import html
import re
from html.entities import html5

_PLAIN_TAGS = "i|b|u|s|em|strong|strike|del|ins|small|big|tt|sub|sup|center|ruby|rt|rp"
_TAGS_WITH_ATTRIBUTES = "font|span|p|div|a|i|b|u"
# Only what is surely markup: "<3", "a < b > c" and "<Anna>" are words somebody wrote.
_HTML = re.compile(
    rf"<(?:\s*+/\s*+)?+(?:{_PLAIN_TAGS}|{_TAGS_WITH_ATTRIBUTES})\s*+/?>"
    rf"|<(?:{_TAGS_WITH_ATTRIBUTES})\s++[\w:-]++\s*+=[^<>]*+>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<\s*+/?+\s*+br\s*+/?+\s*+>", re.IGNORECASE)
_VTT_TAG = re.compile(r"</?(?:i|b|u|c|v|lang|ruby|rt)(?:\.[^\s<>]*+)?+(?:\s[^<>]*+)?>")
_VTT_TIME = re.compile(r"<(?:\d++:)?\d++:\d++\.\d++>")
_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_OVERRIDE = re.compile(r"\{\\[^{}]*+\}")
_SUBSTATION_BLOCK = re.compile(r"\{([^{}]*+)\}")
_DRAWING = re.compile(r"\\p(\d++)")
_INVISIBLE = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x2060, 0xFEFF)),
    **dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))),  # writing direction
    **{ord(space): " " for space in "\t\x1c\x1d\x1e\x1f"},
    **{ord(newline): "\n" for newline in "\n\r\x0b\x0c\x85\u2028\u2029"},
}


def tidy(text: str) -> str:
    """Take out what nobody sees: control characters, direction marks, empty lines, spaces at the ends and in rows.

    Example:
        >>> tidy("  Take\\u200e  it.\\n\\n Now! ")
        'Take it.\\nNow!'
    """
    lines = (" ".join(line.split()) for line in text.translate(_INVISIBLE).split("\n"))
    return "\n".join(line for line in lines if line)


def html_text(text: str) -> str:
    """Return the words of a SubRip cue: without tags and `{\\an8}` codes, entities decoded.

    Example:
        >>> html_text("<i>Rock</i> &amp; roll <3")
        'Rock & roll <3'
    """
    text = _OVERRIDE.sub("", _HTML.sub("", _BREAK.sub("\n", text)))
    return tidy(_ENTITY.sub(_decode_entity, text))


def vtt_text(text: str) -> str:
    """Return the words of a WebVTT cue or of one voice in it.

    Example:
        >>> vtt_text("<c.yellow>Take</c> <00:00:01.500>it &lt;now&gt;")
        'Take it <now>'
    """
    return html_text(_VTT_TIME.sub("", _VTT_TAG.sub("", text)))


def has_vtt_times(text: str) -> bool:
    """Return whether a WebVTT text times its words one by one, as captions that roll in do."""
    return _VTT_TIME.search(text) is not None


def substation_text(text: str) -> str:
    """Return the words of an ASS or SSA line; drawings are no words.

    Example:
        >>> substation_text(r"{\\i1}Take{\\i0} it.\\NNow! {\\p1}m 0 0 l 9 9{\\p0}")
        'Take it.\\nNow!'
    """
    words = []
    is_drawing = False
    for position, part in enumerate(_SUBSTATION_BLOCK.split(text)):
        if position % 2:
            for scale in _DRAWING.findall(part):
                is_drawing = int(scale[:9]) > 0
        elif not is_drawing:
            words.append(part)
    plain = "".join(words).replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", " ")
    return tidy(plain)


def _decode_entity(match: re.Match[str]) -> str:
    if match.group(1).startswith("#"):
        return html.unescape(match.group())
    return html5.get(f"{match.group(1)};", match.group())  # html.unescape would read "&notit;" as a sign and "it;"
