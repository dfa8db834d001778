import json
import subprocess
import sys

import pytest

from models.phonemes import ARPABET, main

_NAMES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
CMU = frozenset(_NAMES.split())


def ask(*words: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "models.phonemes", *words], capture_output=True, check=True, text=True
    )
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said


def test_only_the_dictionarys_phonemes() -> None:
    assert {name for names in ARPABET.values() for name in names.split(".")} <= CMU


def test_words_as_the_dictionary_has_them() -> None:
    assert ask("lamp", "kitchen", "seven", "choose") == {
        "lamp": "L AE M P",
        "kitchen": "K IH CH AH N",
        "seven": "S EH V AH N",
        "choose": "CH UW Z",
    }


def test_words_that_no_dictionary_has() -> None:
    said = ask("zigbee", "wyoming's", "gr\u00fcnwald")
    assert said["zigbee"] == "Z IH G B IY"
    assert all(set(phonemes.split()) <= CMU for phonemes in said.values())


def test_what_has_no_sound_is_left_out() -> None:
    assert ask("lamp", "", "...").keys() == {"lamp"}


def test_no_words() -> None:
    assert ask() == {}


def test_without_espeak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert main(["lamp"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("models.phonemes: ")
    assert "espeakng_loader" in err
