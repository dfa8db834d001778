# ruff: noqa: RUF001 - the world's marks look alike
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clauses import MAX_CLAUSE, Clauses


def cut(text: str, language: str = "en", size: int = 1) -> list[str]:
    clauses = Clauses(language)
    found = [clause for at in range(0, len(text), size) for clause in clauses.add(text[at : at + size])]
    return found + clauses.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("It is on.", ["It is on."]),
        ("Yes, the light is on. What else?", ["Yes,", "the light is on.", "What else?"]),
        ("It is 3.5 degrees at 5:30, or 1,000.25.", ["It is 3.5 degrees at 5:30,", "or 1,000.25."]),
        (
            "Dr. Ito and Mrs. J. R. Lee met at 5 p.m. in St. Ives.",
            ["Dr. Ito and Mrs. J. R. Lee met at 5 p.m. in St. Ives."],
        ),
        ("See e.g. No. 5 on Jan. 3 vs. the rest.", ["See e.g. No. 5 on Jan. 3 vs. the rest."]),
        ("No. I will not. So am I. Fine!", ["No.", "I will not.", "So am I.", "Fine!"]),
        ("Well... I think so… yes", ["Well...", "I think so…", "yes"]),
        ('He said "go." Then (quickly!) left.', ['He said "go."', "Then (quickly!)", "left."]),
        ("Go to example.com/a.b?c=d;e now.", ["Go to example.com/a.b?c=d;e now."]),
        ("The sum is 42. Anything else?", ["The sum is 42.", "Anything else?"]),
        ("Three things:\n- one\n- two\n\nDone", ["Three things:", "- one", "- two", "Done"]),
        ("The light – it is new – is on", ["The light –", "it is new –", "is on"]),
        ("5 – 3 is 2", ["5 – 3 is 2"]),
        ("今天天气很好。我们「去，好吗？」３．５度", ["今天天气很好。", "我们「去，", "好吗？」", "３．５度"]),
        ("هل هو مضاء؟ نعم، الآن.", ["هل هو مضاء؟", "نعم،", "الآن."]),
        ("क्या यह चालू है? हाँ। ठीक", ["क्या यह चालू है?", "हाँ।", "ठीक"]),
        ("Am 3. Mai. Gut", ["Am 3.", "Mai.", "Gut"]),
        ("😀 It is on 😀", ["😀 It is on 😀"]),
        ("", []),
        (" \n\t ", []),
        ("... !!! ?? — ,", []),
        ("😀😀", ["😀😀"]),
    ],
)
def test_where_clauses_end(text: str, clauses: list[str]) -> None:
    assert cut(text) == cut(text, size=1000) == cut(text, size=3) == clauses


def test_a_dot_after_a_number_is_an_ordinal_in_some_languages() -> None:
    assert cut("Am 3. Mai um 5:30 Uhr. Gut", "de") == ["Am 3. Mai um 5:30 Uhr.", "Gut"]
    assert cut("Es sind 2026. Gut", "de_AT") == ["Es sind 2026.", "Gut"]


def test_a_clause_comes_as_soon_as_it_is_certain() -> None:
    clauses = Clauses()
    assert clauses.add("Yes, it") == ["Yes,"]
    assert clauses.add(" is on.") == []  # "on.5"?
    assert clauses.add(" ") == ["it is on."]
    assert clauses.add("No.") == clauses.add(" ") == []
    assert clauses.add("7") == []
    assert clauses.flush() == ["No. 7"]
    assert clauses.flush() == []
    assert clauses.add("Next one. ") == ["Next one."]


def test_text_without_marks_is_cut_at_spaces() -> None:
    text = "word " * 200
    clauses = cut(text)
    assert " ".join(clauses) == text.strip()
    assert all(MAX_CLAUSE - 10 < len(clause) <= MAX_CLAUSE for clause in clauses[:-1])


def test_numbers_are_not_cut_by_length() -> None:
    assert cut("x" * (MAX_CLAUSE - 4) + "12345678") == ["x" * (MAX_CLAUSE - 4), "12345678"]
    number = "1 000 000"
    assert any(number in clause for clause in cut("x" * (MAX_CLAUSE - 8) + " " + number))
    assert [len(clause) for clause in cut("9" * (2 * MAX_CLAUSE + 100))] == [MAX_CLAUSE, MAX_CLAUSE, 100]


@given(st.text(st.sampled_from("ab1I .,:;?!…\n\t\"')。，–5"), max_size=700), st.integers(1, 300))
def test_however_it_comes_the_clauses_are_the_same(text: str, size: int) -> None:
    clauses = cut(text)
    assert clauses == cut(text, size=size)
    assert all(0 < len(clause) <= MAX_CLAUSE + 50 for clause in clauses)
    said = "".join(clause for clause in clauses)
    assert [c for c in said if c.isalnum()] == [c for c in text if c.isalnum()]


@given(st.text(max_size=400))
def test_any_text_keeps_its_letters(text: str) -> None:
    assert [c for clause in cut(text, size=7) for c in clause if c.isalnum()] == [c for c in text if c.isalnum()]


@pytest.mark.parametrize("text", ["a", "a ", ".", ". ", "a. ", "No. ", " ", "1 ", '"', "。"])
def test_a_lot_of_anything_comes_in_pieces(text: str) -> None:
    text *= 20_000 // len(text)
    clauses = cut(text, size=len(text))
    assert all(len(clause) <= MAX_CLAUSE for clause in clauses)
    assert sum(map(len, clauses)) <= len(text)
