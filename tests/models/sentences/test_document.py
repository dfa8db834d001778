from pathlib import Path

import pytest

from models.sentences.document import MAX_BYTES, DocumentError, Value, read


def write(folder: Path, text: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def root(folder: Path, text: str) -> Value:
    document = read(write(folder, text))
    assert document is not None
    return document


def test_text_is_as_written_and_plain_is_as_yaml_says(tmp_path: Path) -> None:
    keys = root(tmp_path, "a: on\nb: 12\nc: two  words\nd: 2020-01-01\ne: .nan\nf: [1, x]\n").mapping("it")
    assert [keys[key].text("it") for key in "abc"] == ["on", "12", "two words"]
    assert [keys[key].plain() for key in "abcdef"] == [True, 12, "two  words", "2020-01-01", ".nan", [1, "x"]]


def test_nothing_in_a_file(tmp_path: Path) -> None:
    assert read(write(tmp_path, "# only a remark\n")) is None


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML"),
        ("a: 1\na: 2\n", 2, "'a' stands twice"),
        ("a: &x 1\nb: *x\n", 2, "an alias (*x)"),
        ("a: 1\nb: " + "[" * 100_000, 2, "nest"),  # PyYAML has a bound of its own since 6.0.4
        ("a: 1\n\nb: \x01\n", 3, "not YAML"),
        ("- a\n", 1, "must be a mapping"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DocumentError) as error:
        root(tmp_path, text).mapping("it")
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert what in str(error.value)
    assert "\n" not in str(error.value)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(DocumentError, match=r"line 2: not UTF-8"):
        read(path)


def test_too_large(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="larger than"):
        read(write(tmp_path, "a" * (MAX_BYTES + 1)))


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nowhere.yaml: cannot be read: No such file"):
        read(tmp_path / "nowhere.yaml")


def test_a_long_complaint_is_cut(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as error:
        root(tmp_path, "a" * 5000 + ": 1\n" + "a" * 5000 + ": 1\n").mapping("it")
    assert len(str(error.value)) < 600
