"""Which lines carry a question's words: rarity, neighbouring lines, phrases, spellings, languages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from movieqa.languages import ENGLISH, LANGUAGES, UNKNOWN, guess_language
from movieqa.movie import Subtitle
from movieqa.question import TimeWindow
from movieqa.retrieval import MAX_SECONDS, LineIndex
from movieqa.words import split_words
from tests.workspaces import make_subtitles

FILLER = (
    "The morning was cold and we walked along the river.",
    "I never liked the city in winter.",
    "Give me your hand and do not look down.",
    "Nobody told them that the train was late.",
    "We were young and the summer was long.",
    "Is there any coffee left in the kitchen?",
)


def index_of(*texts: str, seconds: float = 3.0, speaker: str | None = None, source: str = "") -> LineIndex:
    return LineIndex(
        [
            Subtitle(
                start=number * seconds, end=number * seconds + seconds - 1, text=text, speaker=speaker, source=source
            )
            for number, text in enumerate(texts)
        ]
    )


def found(index: LineIndex, question: str, window: TimeWindow | None = None) -> list[tuple[int, ...]]:
    return [passage.lines for passage in index.search(index.query(question), window=window)]


def test_the_line_with_the_words_is_found() -> None:
    index = index_of(*FILLER, "The key is under the stairs.")
    assert found(index, "Where is the key?") == [(6,)]


def test_common_words_alone_support_nothing() -> None:
    index = index_of(*(f"[signs the word {word}]" for word in ("again", "bird", "book", "brother", "eat")))
    assert found(index, "When is the word book signed?") == [(2,)]
    assert found(index, "When is the word elephant signed?") == []


@pytest.mark.parametrize("word", ["down", "again", "see", "say", "first"])
def test_a_named_word_is_taken_literally(word: str) -> None:
    index = index_of(*FILLER[:2], "[signs the word bird]", f"[signs the word {word}]", "[signs the word book]")
    assert found(index, f"When is the word {word} signed?") == [(3,)]


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Who steals the diamond?", "He stole the diamond."),
        ("Who stole the diamonds?", "You steal a diamond?"),
        ("WHO STEALS THE DIAMOND", "the Diamond! They are stealing it."),
        ("How many thieves: 42?", "There were forty-two thieves."),
        ("How many thieves: forty-two?", "There were 42 thieves."),
        ("When does O'Brien arrive?", "O’Brien arrived yesterday."),
        ("When is it Anna's birthday?", "Anna, happy birthday!"),
        ("Where is the cafe?", "Meet me at the café."),
        ("Where is the café?", "Meet me at the cafe."),
        ("Where is the ｃａｆｅ?", "Meet me at the cafe."),
        ("What costs 3.50?", "It costs 3.50, sir."),
    ],
)
def test_forms_of_a_word_are_one_word(question: str, line: str) -> None:
    assert found(index_of(*FILLER, line, *FILLER), question) == [(len(FILLER),)]


def test_words_spread_over_neighbouring_lines_are_found_together() -> None:
    index = index_of(*FILLER, "I hid the emerald.", "Where?", "Behind the waterfall.", *FILLER)
    assert found(index, "Is the emerald behind the waterfall?") == [(6, 7, 8)]


def test_a_line_that_adds_little_is_left_out() -> None:
    index = index_of(*FILLER, "The emerald is behind the waterfall.", "Which way?", *["This way."] * 8)
    assert found(index, "Which way is the emerald behind the waterfall?") == [(6,)]


def test_lines_far_apart_are_no_passage() -> None:
    index = index_of("I hid the emerald.", "Look behind the waterfall.", seconds=MAX_SECONDS)
    assert all(len(lines) == 1 for lines in found(index, "Is the emerald behind the waterfall?"))


def test_a_long_line_is_a_passage_of_its_own() -> None:
    index = LineIndex([Subtitle(start=0.0, end=5 * MAX_SECONDS, text="The emerald is behind the waterfall.")])
    assert found(index, "Where is the emerald?") == [(0,)]


def test_lines_said_at_the_same_time_come_together() -> None:
    lines = [
        Subtitle(start=0.0, end=4.0, text="The emerald!"),
        Subtitle(start=1.0, end=3.0, text="Quiet."),
        Subtitle(start=3.5, end=5.0, text="My emerald!"),
        Subtitle(start=9.0, end=10.0, text="What emerald?"),
    ]
    assert found(LineIndex(lines), "Who has the emerald?") == [(0, 2), (3,)]


def test_a_speaker_can_be_asked_for() -> None:
    lines = [
        Subtitle(start=0.0, end=1.0, text="Where is the key?", speaker="Tom"),
        Subtitle(start=2.0, end=3.0, text="The key is lost.", speaker="Anna"),
        Subtitle(start=9.0, end=10.0, text="The boat is lost.", speaker="Anna"),
    ]
    assert found(LineIndex(lines), "What does Anna say about the key?") == [(1,)]


def test_a_quotation_is_searched_word_by_word_in_its_order() -> None:
    index = index_of(*FILLER, "It is not to be.", "To be, or not", "to be. That is the question.", *FILLER)
    assert found(index, 'Who says "to be or not to be"?') == [(7, 8)]
    assert found(index, "Who says “not to be”?") == [(6,), (7, 8)]
    assert found(index, 'Who says "film at eleven"?') == []


def test_what_film_questions_are_made_of_is_searched_only_in_quotes() -> None:
    index = index_of(*FILLER, "He talks and talks.", "I saw that movie.")
    assert not index.query("Who talks in the movie?").terms
    assert found(index, 'Who says "that movie"?') == [(7,)]


def test_only_the_window_is_searched_but_all_lines_count_for_rarity() -> None:
    index = index_of("A key.", "No key.", "My key.", *FILLER)
    assert found(index, "Where is the key?", TimeWindow(start=2.5, end=5.0)) == [(1,)]
    assert found(index, "Where is the key?", TimeWindow(start=100.0, end=110.0)) == []


def test_equally_good_lines_come_in_film_order_and_no_more_than_asked() -> None:
    index = index_of(*["The key."] * 20, seconds=2 * MAX_SECONDS)
    assert found(index, "Where is the key?") == [(0,), (1,), (2,), (3,), (4,)]
    assert [passage.lines for passage in index.search(index.query("key"), limit=1)] == [(0,)]


def test_lines_without_words_and_films_without_lines_support_nothing() -> None:
    assert found(index_of("♪♪♪", "...", "—"), "Who sings?") == []
    assert found(LineIndex([]), "Who sings?") == []
    assert found(index_of(*FILLER), "♪ ?!") == []


FILMS: dict[str, tuple[str, ...]] = {
    "fr": (
        "Où étais-tu hier soir ?",
        "J'étais à l'école avec les enfants.",
        "La clé est cachée sous l'escalier.",
        "Nous n'avons jamais voulu la maison.",
        "Qu'est-ce que tu as dit à ta mère ?",
    ),
    "de": (
        "Wo warst du gestern Abend?",
        "Ich war mit den Kindern in der Schule.",
        "Der Schlüssel liegt unter der Treppe.",
        "Wir haben das Haus nie verkauft.",
        "Die Straße ist gesperrt.",
    ),
    "es": (
        "¿Dónde estabas anoche?",
        "Estaba en la escuela con los niños.",
        "La llave está debajo de la escalera.",
        "Las canciones de mi pueblo.",
    ),
    "ru": (
        "Где ты был вчера вечером?",
        "Я был в школе с детьми.",
        "Ключ лежит под новой лестницей.",
        "Мы никогда не продавали дом.",
    ),
    "ar": ("أين كنت ليلة أمس؟", "كنت في المدرسة مع الأطفال.", "المفتاح تحت الدرج.", "لم نبع البيت أبدا."),
    "hi": ("तुम कल रात कहाँ थे?", "मैं बच्चों के साथ स्कूल में था।", "चाबी सीढ़ी के नीचे है।", "हमने घर कभी नहीं बेचा।"),
    "ja": (
        "昨日の夜どこにいたの？",
        "子供たちと学校にいました。",
        "鍵は階段の下にあります。",
        "家を売ったことはありません。",
        "コーヒーをください。",
    ),
    "zh": ("你昨晚在哪里？", "我和孩子们在学校。", "钥匙在楼梯下面。", "我们从来没有卖过房子。", "给我一杯水。"),
    "ko": ("어젯밤에 어디 있었어요?", "아이들과 학교에 있었어요.", "열쇠는 계단 아래에 있어요.", "집을 팔지 않았어요."),
    "th": ("เมื่อคืนคุณอยู่ที่ไหน", "ฉันอยู่ที่โรงเรียนกับเด็กๆ", "กุญแจอยู่ใต้บันได", "เราไม่เคยขายบ้าน"),
}


@pytest.mark.parametrize(
    ("film", "question", "line"),
    [
        ("fr", "Où est la clé ?", 2),
        ("fr", "ou est la cle ?", 2),
        ("fr", "Quand parle-t-il de l’ECOLE ?", 1),
        ("fr", "When does he mention the escalier?", 2),
        ("fr", "Qui vole le diamant ?", None),
        ("de", "Wo ist der Schlüssel?", 2),
        ("de", "Wer verkauft die Häuser?", 3),
        ("de", "Wann ist die Strasse gesperrt?", 4),
        ("de", "Wer stiehlt den Diamanten?", None),
        ("es", "¿Dónde está la llave?", 2),
        ("es", "¿Cuál es la cancion del pueblo?", 3),
        ("es", "¿Quién roba el diamante?", None),
        ("ru", "Где ключ?", 2),
        ("ru", "Где новая лестница?", 2),
        ("ru", "Кто украл бриллиант?", None),
        ("ar", "أين المفتاح؟", 2),
        ("ar", "من سرق الألماس؟", None),
        ("hi", "चाबी कहाँ है?", 2),
        ("hi", "हीरा किसने चुराया?", None),
        ("ja", "鍵はどこにありますか？", 2),
        ("ja", "いつコーヒーを頼みますか？", 4),
        ("ja", "誰がダイヤモンドを盗みましたか？", None),
        ("zh", "钥匙在哪里？", 2),
        ("zh", "谁卖了房子？", 3),
        ("zh", "谁要水？", 4),
        ("zh", "谁说“一杯水”？", 4),
        ("zh", "谁偷了钻石？", None),
        ("ko", "열쇠가 어디에 있나요?", 2),
        ("ko", "누가 다이아몬드를 훔쳤나요?", None),
        ("th", "กุญแจอยู่ที่ไหน", 2),
        ("th", "ใครขโมยเพชร", None),
    ],
)
def test_films_in_many_languages(film: str, question: str, line: int | None) -> None:
    assert found(index_of(*FILMS[film]), question) == ([] if line is None else [(line,)])


@pytest.mark.parametrize("code", ["fr", "de", "es", "ru", "ar", "hi"])
def test_the_language_is_told_by_its_function_words(code: str) -> None:
    assert guess_language(word for line in FILMS[code] for word in split_words(line)).code == code


def test_a_tag_decides_between_close_languages_but_not_against_the_words() -> None:
    words: Sequence[str] = [word for line in FILLER for word in split_words(line)]
    assert guess_language(words, source="film.de.srt") is ENGLISH
    assert guess_language(["kissa", "talo"], source="film.fi.srt").code == "fi"
    assert guess_language(["kissa", "talo"], source="stream 3 (fin)").code == "fi"
    assert guess_language(["kissa", "talo"], source="speech recognition (small)") is UNKNOWN


def test_every_language_has_a_stemmer_and_its_own_tags() -> None:
    tags = [tag for language in LANGUAGES for tag in (language.code, *language.tags)]
    assert len(tags) == len(set(tags))
    for language in LANGUAGES:
        assert LineIndex([Subtitle(start=0.0, end=1.0, text="a", source=f"film.{language.code}.srt")]).language


def test_a_passage_is_no_more_than_five_lines() -> None:
    words = ("amber", "basalt", "cobalt", "dolomite", "emerald", "feldspar", "garnet")
    lines = make_subtitles(*((index, index + 0.9, word) for index, word in enumerate(words)))
    index = LineIndex(lines)
    (best, *_) = index.search(index.query(" ".join(words)), window=None, limit=5)
    assert len(best.lines) == 5
