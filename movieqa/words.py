"""Turns lines and questions into what is compared: stems of words, or pieces of words where a script has no spaces."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

import Stemmer

from movieqa.english import BASE_FORMS, join_numbers
from movieqa.folding import fold, normalise
from movieqa.languages import ENGLISH, Language, language_of_question

_WEAK = 0.3
_MAX_STEMMED = 64  # a "word" longer than this is noise; it is compared as it stands

# Letters and digits, and the marks that are part of letters in scripts from Arabic to Khmer (but not their full stops).
_LETTER = (
    "(?:[^\\W_]|[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e\u0eb1-\u0ece\u0f18-\u0f84\u102b-\u103e\u17b4-\u17d3])"
)
_WORD = re.compile(f"{_LETTER}+(?:'{_LETTER}+)*")
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a0-\u30ff\u31f0-\u31ff"
_HANGUL = "\uac00-\ud7a3"
_SOUTHEAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_UNSPACED = f"{_HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}{_SOUTHEAST}"
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_IS_KANA = re.compile(f"[{_HIRAGANA}{_KATAKANA}]")
_IS_HANGUL = re.compile(f"[{_HANGUL}]")

# What a question is built of in scripts without spaces; longer ones first.
_CHINESE_ASKING = re.compile(
    "什么时候|什麼時候|为什么|為什麼|怎么样|怎麼樣|什么|什麼|哪里|哪裡|哪儿|怎么|怎麼|何时|何時|电影|電影|"
    "[谁誰哪吗嗎呢吧啊的了着是在把被和与與说說这這那个個有几幾到里裡他她它我你们們就都也何要想]"
)
_THAI_ASKING = re.compile("ที่ไหน|เมื่อไหร่|เมื่อไร|อย่างไร|ยังไง|ทำไม|อะไร|ใคร|หรือไม่|ไหม|อยู่|ภาพยนตร์|หนัง")
_JAPANESE_ASKING = re.compile(f"何時|映画|[誰何言]|[{_HIRAGANA}]+")
_JAPANESE_PARTS = re.compile(f"[{_KATAKANA}]+|[^{_KATAKANA}]+")
_KOREAN_ASKING = re.compile("(?:누가|누구|언제|어디|무엇|무슨|어떻게|왜|영화).*|있나요|하나요|합니까|말하.*|말했.*")
_KOREAN_PARTICLE = re.compile("(?<=.)(?:에서|에게|으로|까지|부터|은|는|이|가|을|를|에|의|도|로|와|과)$")

QUOTED = re.compile(
    r'"([^"\n]{1,300})"|“([^”\n]{1,300})”|„([^“”\n]{1,300})[“”]|«([^»\n]{1,300})»|「([^」\n]{1,300})」|『([^』\n]{1,300})』'
    r"|(?<!\w)['‘]([^'’\n]{1,300})['’](?!\w)"
)
"""Matches what stands in quotation marks; one of its groups holds it."""
_NAMED_WORD = re.compile(r"\bthe (?:word|name|sign for)\s+([^\W_]+)(?=\s|\W*$)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Term:
    """One thing to look for."""

    key: str
    """As lines are indexed."""
    factor: float = 1.0
    """How much it matters beside others of equal rarity, above 0, at most 1."""


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """Words to look for side by side."""

    text: str
    """Folded words with single spaces."""
    keys: tuple[str, ...]
    """Of its words."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a question looks for."""

    terms: tuple[Term, ...]
    phrases: tuple[Phrase, ...] = ()


def split_words(text: str) -> list[str]:
    """Return the words of a text, normalised, in order; punctuation, symbols and emoji are none."""
    return _WORD.findall(normalise(text))


def is_unspaced(text: str) -> bool:
    """Whether the text begins with a letter of a script that is compared piecewise."""
    return _IS_UNSPACED.match(text) is not None


class Analyzer:
    """Turns words into keys, the same way for lines and questions.

    Args:
        language: The lines' language.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._stem = Stemmer.Stemmer(language.stemmer).stemWord if language.stemmer else None
        self._keys: dict[str, tuple[str, ...]] = {}

    def keys(self, words: list[str]) -> list[str]:
        """Return the keys under which a line with these words is found."""
        keys: list[str] = []
        for word in join_numbers(words) if self.language is ENGLISH else words:
            known = self._keys.get(word)
            if known is None:
                known = self._keys[word] = tuple(self._line_keys(word))
            keys.extend(known)
        return keys

    def _line_keys(self, word: str) -> Iterator[str]:
        for run in _runs(word):
            if is_unspaced(run):
                yield from run
                yield from (run[index : index + 2] for index in range(len(run) - 1))
            else:
                yield self.key(run)

    def key(self, word: str) -> str:
        """Return the key of one normalised word of a script with spaces."""
        if self.language is ENGLISH:
            word = BASE_FORMS.get(word, word)
        return fold(self._stem(word) if self._stem and len(word) <= _MAX_STEMMED else word)

    def query(self, text: str, known: Container[str], spellings: Mapping[str, str]) -> Query:
        """Return what a question looks for.

        Args:
            text: The question, without its time expressions.
            known: The keys that occur in the film.
            spellings: Keys of the film's words by their folded form, for questions typed without accents.
        """
        literal = [next(filter(None, match.groups())) for match in QUOTED.finditer(text)]
        rest = QUOTED.sub(" ", text)
        language = language_of_question([fold(word) for word in split_words(rest)], self.language)
        phrases = [phrase for quote in literal if (phrase := self._phrase(quote, known, spellings))]
        if language is ENGLISH:
            literal += [word for word in _NAMED_WORD.findall(rest) if fold(word) not in language.function_words]
        terms = {key: Term(key=key) for quote in literal for key in self._literal_keys(quote, known, spellings)}
        for run in self._question_runs(rest):
            if is_unspaced(run):
                for key in _pieces(run, known):
                    terms.setdefault(key, Term(key=key))
            elif not (language.function_words | language.asking_words) & {fold(run)}:
                key = self._known_key(run, known, spellings)
                terms.setdefault(key, Term(key=key, factor=_WEAK if run in language.weak_words else 1.0))
        return Query(terms=tuple(terms.values()), phrases=tuple(phrases))

    def _known_key(self, word: str, known: Container[str], spellings: Mapping[str, str]) -> str:
        key = self.key(word)
        return key if key in known else spellings.get(fold(word), key)

    def _literal_keys(self, text: str, known: Container[str], spellings: Mapping[str, str]) -> Iterator[str]:
        words = split_words(text)
        for word in join_numbers(words) if self.language is ENGLISH else words:
            for run in _runs(word):
                if is_unspaced(run):
                    yield from _pieces(run, known)
                else:
                    yield self._known_key(run, known, spellings)

    def _phrase(self, quote: str, known: Container[str], spellings: Mapping[str, str]) -> Phrase | None:
        text = fold(" ".join(split_words(quote)))
        if len(text) < 2 or not (" " in text or is_unspaced(text)):
            return None
        return Phrase(text=text, keys=tuple(dict.fromkeys(self._literal_keys(quote, known, spellings))))

    def _question_runs(self, text: str) -> list[str]:
        """Return the parts of a question that can mean something, without what unspaced scripts ask with."""
        words = split_words(text)
        if self.language is ENGLISH:
            words = join_numbers(words)
        runs = [run for word in words for run in _runs(word)]
        if any(_IS_KANA.search(run) for run in runs):
            parts = [part for run in runs for part in (_split_japanese(run) if is_unspaced(run) else [run])]
            return parts or runs
        return [part for run in runs for part in _split_question(run) if part]


def _runs(word: str) -> list[str]:
    """Split a word at its apostrophes and where the kind of script changes, without the English 's and n't."""
    if "'" in word:
        stem, _, ending = word.rpartition("'")
        if ending == "t" and stem.endswith("n"):
            word = {"can": "can", "won": "will", "shan": "shall"}.get(stem, stem[:-1])
        elif ending in {"s", "m", "d", "ll", "re", "ve"}:
            word = stem
    if word.isascii():
        return [part for part in word.split("'") if part]
    return [run for part in word.split("'") for run in _RUN.findall(part)]


def _pieces(run: str, known: Container[str]) -> list[str]:
    """Cut an unspaced run into the film's own pairs of letters, and what is left over: the film is the dictionary."""
    pairs = [(index, run[index : index + 2]) for index in range(len(run) - 1) if run[index : index + 2] in known]
    covered = {position for index, _ in pairs for position in (index, index + 1)}
    left = "".join(" " if position in covered else letter for position, letter in enumerate(run)).split()
    return [*(pair for _, pair in pairs), *left]


def _split_japanese(run: str) -> list[str]:
    return [part for piece in _JAPANESE_ASKING.split(run) for part in _JAPANESE_PARTS.findall(piece)]


def _split_question(run: str) -> list[str]:
    if _IS_HANGUL.match(run):
        return [] if _KOREAN_ASKING.fullmatch(run) else [_KOREAN_PARTICLE.sub("", run)]
    return [part for piece in _CHINESE_ASKING.split(run) for part in _THAI_ASKING.split(piece)]
