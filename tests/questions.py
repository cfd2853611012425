"""Makes questions for property tests: sensible, senseless, and in between."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = (
    "who what where when how many does do is the a says said shown key boat Otto Mara Karlsen burn burned boathouse "
    "strongbox light forty-two 42 film shots end beginning 鍵 钥匙在 열쇠는 المفتاح המפתח चाबी กุญแจ ключ l'école 😀 ♪"
)
_TIMES = (
    "in the first ten minutes|at the end|in the last 20 seconds|after 00:00:30|before 1m 5s|between 00:10 and 01:10"
    "|around minute 1|at 00:00:42|in the second half|five seconds before the end|at the beginning of the film"
    "|how does the film end|how many shots are there|how long is the film|what happens|what is shown|what is said"
)
_QUOTES = ('"Take it"', "“the key", "'the boat'", "「鍵」", "«»", '"')


def questions() -> st.SearchStrategy[str]:
    """Draw a question, never empty."""
    pieces = st.one_of(
        st.sampled_from(_WORDS.split()),
        st.sampled_from(_TIMES.split("|")),
        st.sampled_from(_QUOTES),
        st.text(max_size=12),
    )
    built = st.lists(pieces, min_size=1, max_size=12).map(" ".join)
    return st.one_of(built, st.text(max_size=200)).map(lambda text: text if text.strip() else f"{text}?")
