from __future__ import annotations

from pathlib import Path

import pytest

from wyoming_servers.wire.options import Parser, default_data_dir, version


def parser() -> Parser:
    made = Parser(prog="thing")
    made.add_argument("--uri", default="here", help="where")
    made.add_argument("--count", type=int, default=1)
    made.add_argument("--debug", action="store_true")
    made.add_argument("--server", action="append", default=[])
    made.add_argument("--zeroconf", nargs="?", const="")
    made.add_argument("name", nargs="?")
    return made


def test_defaults() -> None:
    args = parser().parse_args([])
    assert vars(args) == {"uri": "here", "count": 1, "debug": False, "server": [], "zeroconf": None, "name": None}


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_URI", "there")
    monkeypatch.setenv("HEARTH_COUNT", "7")
    monkeypatch.setenv("HEARTH_DEBUG", "yes")
    monkeypatch.setenv("HEARTH_SERVER", "asr=a, tts=b,")
    monkeypatch.setenv("HEARTH_ZEROCONF", "")
    monkeypatch.setenv("HEARTH_NAME", "ignored")
    args = parser().parse_args(["given"])
    assert vars(args) == {
        "uri": "there",
        "count": 7,
        "debug": True,
        "server": ["asr=a", "tts=b"],
        "zeroconf": "",
        "name": "given",
    }


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_URI", "there")
    monkeypatch.setenv("HEARTH_SERVER", "asr=a")
    args = parser().parse_args(["--uri", "elsewhere", "--server", "tts=c"])
    assert args.uri == "elsewhere"
    assert args.server == ["tts=c"]


def test_a_value_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from the file\n")
    monkeypatch.setenv("HEARTH_URI_FILE", str(secret))
    monkeypatch.setenv("HEARTH_URI", "from the variable")
    assert parser().parse_args([]).uri == "from the file"


@pytest.mark.parametrize(
    ("variables", "argv", "said"),
    [
        ({}, ["--nonsense"], "--nonsense"),
        ({}, ["--deb"], "--deb"),
        ({}, ["--count", "many"], "many"),
        ({"HEARTH_COUNT": "many"}, [], "many"),
        ({"HEARTH_DEBUG": "perhaps"}, [], "HEARTH_DEBUG takes 1 or 0"),
        ({"HEARTH_URI_FILE": "/does/not/exist"}, [], "/does/not/exist"),
        ({"HEARTH_URI_FILE": "/"}, [], "HEARTH_URI_FILE"),
        ({"HEARTH_URI_FILE": "/dev/zero"}, [], "/dev/zero, which holds more than 65536 characters"),
    ],
)
def test_errors_are_one_line_and_status_2(
    variables: dict[str, str],
    argv: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(argv)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


def test_a_flag_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_DEBUG", "0")
    assert parser().parse_args([]).debug is False


def test_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    assert "[HEARTH_URI]" in capsys.readouterr().out


def test_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / "hearth"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / ".local" / "share" / "hearth"


def test_version() -> None:
    assert version().count(".") >= 1
