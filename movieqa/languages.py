"""The language of a film's lines: which function words it has, how its words are stemmed, how it is recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from bm25s import stopwords

from movieqa.english import ASKING_WORDS, FUNCTION_WORDS, WEAK_WORDS
from movieqa.folding import fold

_SAMPLE_WORDS = 4000
_MIN_SHARE = 0.08
_TAG_BONUS = 0.1
_TAG = re.compile(r"\(([A-Za-z]{2,3})(?:-[A-Za-z]+)?\)|\.([A-Za-z]{2,3})(?:-[A-Za-z]+)?(?=\.)")


@dataclass(frozen=True, kw_only=True)
class Language:
    """What is known of one language."""

    code: str
    """ISO 639-1; empty when unknown."""
    tags: tuple[str, ...] = ()
    """ISO 639-2 codes of the same language."""
    stemmer: str | None = None
    """Snowball algorithm."""
    function_words: frozenset[str] = frozenset()
    """Folded; never searched."""
    asking_words: frozenset[str] = frozenset()
    """Folded; not searched either, but no sign of the language."""
    weak_words: frozenset[str] = frozenset()
    """Folded; searched with a low weight."""


def _language(codes: str, stemmer: str, function_words: str | Iterable[str] = (), asking_words: str = "") -> Language:
    code, *tags = codes.split()
    words = function_words.split() if isinstance(function_words, str) else function_words
    return Language(
        code=code,
        tags=tuple(tags),
        stemmer=stemmer,
        function_words=frozenset(part for word in words for part in fold(word).split("'")),
        asking_words=frozenset(fold(word) for word in asking_words.split()),
    )


UNKNOWN = Language(code="")
ENGLISH = Language(
    code="en",
    tags=("eng",),
    stemmer="english",
    function_words=FUNCTION_WORDS,
    asking_words=ASKING_WORDS,
    weak_words=WEAK_WORDS,
)
LANGUAGES = (
    ENGLISH,
    _language("da dan", "danish", stopwords.STOPWORDS_DANISH, "hvem hvad hvor hvornår siger sagt film"),
    _language("nl nld dut", "dutch", stopwords.STOPWORDS_DUTCH, "wie wat waar wanneer zegt zeggen film"),
    _language(
        "fr fra fre", "french", stopwords.STOPWORDS_FRENCH, "quand où qui que quoi quel quelle dit dire parle film"
    ),
    _language("de deu ger", "german", stopwords.STOPWORDS_GERMAN, "wer wen wem was wann wo sagt sagen spricht film"),
    _language("it ita", "italian", stopwords.STOPWORDS_ITALIAN, "chi quando dove cosa dice dire parla film"),
    _language("no nor nob nno", "norwegian", stopwords.STOPWORDS_NORWEGIAN, "hvem hva hvor når sier sagt film"),
    _language("pt por", "portuguese", stopwords.STOPWORDS_PORTUGUESE, "quem quando onde qual diz dizer fala filme"),
    _language("ru rus", "russian", stopwords.STOPWORDS_RUSSIAN, "кто что где когда говорит сказал сказала фильм"),
    _language("es spa", "spanish", stopwords.STOPWORDS_SPANISH, "quién cuándo dónde qué dice decir habla película"),
    _language("sv swe", "swedish", stopwords.STOPWORDS_SWEDISH, "vem vad var när säger sagt film"),
    _language("tr tur", "turkish", stopwords.STOPWORDS_TURKISH, "kim ne nerede zaman diyor söylüyor film"),
    _language("ar ara", "arabic", "في من على إلى عن أن ما لا هذا هذه هو هي أين متى كيف لماذا ماذا هل كان كانت مع"),
    _language("ca cat", "catalan"),
    _language("cs ces cze", "czech", "a se na je to že v co kdo kde kdy jak proč do s z o ale jsem jsi za by"),
    _language("el ell gre", "greek", "και το η ο να είναι που τι ποιος πού πότε πώς γιατί με σε για δεν του της"),
    _language("et est", "estonian"),
    _language("eu eus baq", "basque"),
    _language("fa fas per", "persian", "و در به از که این آن را با چه کی کجا چرا چطور است بود من تو"),
    _language("fi fin", "finnish", "ja on ei se en että mitä mikä kuka missä milloin miten miksi minä sinä hän"),
    _language("hi hin", "hindi", "है हैं था थी थे का की के में को से ने पर और कौन क्या कहाँ कब कैसे क्यों किसने"),
    _language("hu hun", "hungarian", "a az és hogy nem is egy ki mi hol mikor hogyan miért van volt meg én te"),
    _language("hy hye arm", "armenian"),
    _language("id ind", "indonesian", "yang dan di ke dari ini itu apa siapa mana kapan bagaimana mengapa aku"),
    _language("lt lit", "lithuanian"),
    _language("pl pol", "polish", "i w na z się nie to że jest do kto co gdzie kiedy jak dlaczego o po za ale"),
    _language("ro ron rum", "romanian", "și în la de pe cu nu este e un o ce cine unde când cum să am ai"),
    _language("sr srp", "serbian"),
    _language("ta tam", "tamil"),
)
_BY_TAG = {tag: language for language in LANGUAGES for tag in (language.code, *language.tags)}


def guess_language(words: Iterable[str], *, source: str = "") -> Language:
    """Guess which language lines are in: the one whose function words they use most; a tag in the source weighs in.

    Args:
        words: The lines' folded words; the first few thousand are looked at.
        source: Where the lines come from, such as `film.fr.srt` or `stream 3 (eng)`.
    """
    sample = list(islice(words, _SAMPLE_WORDS))
    tags = [(first or second).lower() for first, second in _TAG.findall(source)]
    tagged = next((_BY_TAG[tag] for tag in reversed(tags) if tag in _BY_TAG), None)
    best, best_share = UNKNOWN, _MIN_SHARE
    for language in LANGUAGES:
        share = sum(word in language.function_words for word in sample) / max(1, len(sample))
        share += _TAG_BONUS if language is tagged else 0.0
        if share > best_share:
            best, best_share = language, share
    return best


def language_of_question(words: Sequence[str], film: Language) -> Language:
    """Tell whether a question is asked in the film's language or in English, by its function words."""
    in_film, in_english = (
        sum(word in language.function_words or word in language.asking_words for word in words)
        for language in (film, ENGLISH)
    )
    return ENGLISH if in_english > in_film else film
