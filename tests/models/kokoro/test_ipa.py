# ruff: noqa: RUF001 - marks that look alike
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kokoro.ipa import Ipa
from models.speakable import speakable


@pytest.fixture(scope="module")
def ipa() -> Ipa:
    return Ipa()


@pytest.mark.parametrize(
    ("text", "language", "read"),
    [
        ("The office is on.", "en-US", "ðɪ ˈɑːfɪs ɪz ˈɔn."),
        ("The office is on.", "en-GB", "ðɪ ˈɒfɪs ɪz ˈɒn."),
        ("What?! No… (yes)", "en-US", "wˌʌt?! nˈoʊ… (jˈɛs)"),
        ("¿Qué hora es? ¡Hola!", "es", "¿kˈe ˈoɾa ˈes? ¡ˈola!"),
        ("こんにちは。", "ja", "kˌo̞nnitɕˈihä."),
        ("Le bureau, the office", "fr-FR", "lə- byʁˈo, ðə ɔfˈis"),
        ("बत्ती जल रही है।", "hi", "bˈʌtːi ɟˈʌl ɾˌəhi hɛː."),
        ("...", "en-US", "..."),
        ("", "en-US", ""),
    ],
)
def test_what_is_read(ipa: Ipa, text: str, language: str, read: str) -> None:
    assert ipa.read(text, language) == read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It is 21.5 °C.", "It is twenty one point five degrees Celsius."),
        ("At 17:05, or 7:00 pm.", "At seventeen oh five, or seven pee em."),
        ("In 1984 it cost $5.99.", "In nineteen eighty four it cost five dollars and ninety nine cents."),
        ("1,234 and 7", "one thousand two hundred thirty four and seven"),
        ("November 22, 2026", "November twenty second, twenty twenty six"),
    ],
)
def test_numbers_sound_like_their_words(ipa: Ipa, text: str, words: str) -> None:
    """But for how strongly the words are stressed."""
    sounds = [ipa.read(one, "en-US") for one in (speakable(text, "en-US"), words)]
    said, expected = ("".join(c for c in sound if c not in "ˈˌ ") for sound in sounds)
    assert said == expected


@pytest.mark.parametrize("text", ["The light in the office is on, and so on.", "Hello; (world) said “go” — yes!"])
def test_it_reads_as_kokoro_was_taught(ipa: Ipa, text: str) -> None:
    kokoro_onnx = pytest.importorskip("kokoro_onnx.tokenizer", reason="needs kokoro-onnx: script/setup --neural")
    assert ipa.read(text, "en-US") == kokoro_onnx.Tokenizer().phonemize(text, "en-us")


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_any_western_text(text: str) -> None:
    assert isinstance(Ipa().read(text, "en-US"), str)
