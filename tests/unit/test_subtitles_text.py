"""Words without markup, and bytes into characters."""

from __future__ import annotations

import pytest

from movieqa.preprocess.subtitle_encoding import decode_text
from movieqa.preprocess.subtitle_markup import html_text, substation_text, tidy, vtt_text

CUE = "1\n00:00:01,000 --> 00:00:02,000\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\nOK\n"


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<i>Hello</i>, <b>you</b>", "Hello, you"),
        ("<I>Hello</I>", "Hello"),
        ("<i >Hello< / i >", "Hello"),
        ('<font color="#ff0000" size=12>red</font>', "red"),
        ("<span class='x'>a</span><div align=center>b</div>", "ab"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        (r"{\an8}{\i1}up{\i0}", "up"),
        ("Tom &amp; Jerry &lt;3 &#39;til &#x266a;&nbsp;dawn", "Tom & Jerry <3 'til ♪ dawn"),
        ("&lt;i&gt; is a tag", "<i> is a tag"),
        ("♪ la la ♪", "♪ la la ♪"),
        # Words that only look like markup.
        ("I <3 you", "I <3 you"),
        ("a < b > c, <Anna>, <laughs>", "a < b > c, <Anna>, <laughs>"),
        ("if a <b and b> c", "if a <b and b> c"),
        ("{sighs} AT&T &notit; &c; R&B", "{sighs} AT&T &notit; &c; R&B"),
        (r"C:\New\hall", r"C:\New\hall"),
        ("ANNA: hello", "ANNA: hello"),
    ],
)
def test_subrip_markup(marked: str, plain: str) -> None:
    assert html_text(marked) == plain


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<c.yellow.bg_blue>Hello</c> <lang en-GB>you</lang>", "Hello you"),
        ("one <00:00:01.500>two <01:02.000>three", "one two three"),
        ("<ruby>漢<rt>kan</rt></ruby>", "漢kan"),
        ("<i.x>a</i> <b title>c</b>", "a c"),
        ("I &lt;3 you", "I <3 you"),
    ],
)
def test_webvtt_markup(marked: str, plain: str) -> None:
    assert vtt_text(marked) == plain


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        (r"{\pos(1,2)\c&HFFFFFF&}Hello\Nyou\nthere\hnow", "Hello\nyou\nthere now"),
        (r"a{\p1}m 0 0{\p0}b{\p2}l 1 1", "ab"),
        (r"{\pbo10}stays", "stays"),
        ("<i>not a tag here</i> &amp;", "<i>not a tag here</i> &amp;"),
        (r"{=1}{remark}said", "said"),
    ],
)
def test_substation_markup(marked: str, plain: str) -> None:
    assert substation_text(marked) == plain


def test_what_nobody_sees_goes() -> None:
    assert tidy(" a\u200e\u202b b\u00a0c\u3000d\x07 \u2028\n\n\te\u00ad\ufefff ") == "a b c d\nef"
    assert tidy("می\u200cخواهم") == "می\u200cخواهم", "a joiner is part of the spelling"


WORDS = {
    "Hello, you.": ("ascii",),
    "Où êtes-vous allé hier soir ? C’était très étrange, mon garçon.": ("cp1252", "utf-8", "utf-16", "utf-32"),
    "Schöne Grüße aus München. Weißt du, wo die Schlüssel sind?": ("cp1252",),
    "¿Dónde está el niño? ¡Qué difícil, señor!": ("cp1252",),
    "Var är nyckeln? Jag tror att den är i båthuset.": ("cp1252",),
    "Gdzie jest klucz? Nie wiem, może w łódce. Będę czekał.": ("cp1250", "iso8859_2"),
    "Kde je klíč? Myslím, že je v loděnici. Děkuji, příteli.": ("cp1250",),
    "Hol van a kulcs? Azt hiszem, őrült idő ez. Fű, tűz.": ("cp1250",),
    "Sanırım kayıkhanede. Şimdi gidelim, çabuk ol. Doğru.": ("cp1254",),
    "Manau, kad jis valčių namelyje. Ačiū už pagalbą.": ("cp1257",),
    "Где ключ? Я думаю, он в лодочном сарае. Хорошо, пойдём.": ("koi8_r", "cp1251", "utf-16-le", "utf-16-be"),
    "Πού είναι το κλειδί; Νομίζω ότι είναι στο λεμβοστάσιο.": ("cp1253",),
    "أين المفتاح؟ أعتقد أنه في بيت القوارب. حسنا، لنذهب.": ("cp1256",),
    "איפה המפתח? אני חושב שהוא בבית הסירות. בסדר, בוא נלך.": ("cp1255",),
    "鍵はどこにありますか。ボートハウスにあると思います。行きましょう。": ("shift_jis", "utf-16-be", "euc_jp"),
    "钥匙在哪里?我想它在船屋里。好的,我们走吧。谢谢你的帮助。": ("gb18030", "utf-16-le"),
    "鑰匙在哪裡?我想它在船屋裡。好的,我們走吧。": ("big5",),
    "열쇠가 어디에 있습니까? 보트 하우스에 있는 것 같아요.": ("euc_kr",),
}


@pytest.mark.parametrize(
    ("words", "encoding"),
    [(words, encoding) for words, encodings in WORDS.items() for encoding in encodings],
    ids=lambda value: value[:12],
)
def test_encodings_are_found_out(words: str, encoding: str) -> None:
    decoded = decode_text(CUE.format(words).encode(encoding))
    assert words in decoded.text
    assert decoded.num_damaged == 0
    assert decoded.is_guess == (encoding not in ("ascii", "utf-8", "utf-16", "utf-32"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_proves_the_encoding(encoding: str) -> None:
    decoded = decode_text(CUE.format("Où ?").encode(encoding))
    assert (decoded.text, decoded.is_guess) == (CUE.format("Où ?"), False)


def test_a_damaged_byte_does_not_change_the_encoding_of_the_rest() -> None:
    data = CUE.format("Où êtes-vous allé hier soir ? C'était très étrange, mon garçon, éé.").encode()
    decoded = decode_text(data.replace("étrange".encode(), b"\xc3trange"))
    assert (decoded.encoding, decoded.num_damaged) == ("utf-8", 1)
    assert "Où êtes-vous allé" in decoded.text


def test_zeros_of_a_damaged_file_are_not_taken_for_wide_characters() -> None:
    data = CUE.format("Hello").encode() + b"\x00" * 500
    assert decode_text(data).text.startswith(CUE.format("Hello"))
