"""The sentences that are understood: Home Assistant's, our own and the user's, as one set of hassil templates.

They come from three places, later ones on top of earlier ones:

1. Home Assistant's templates (package home-assistant-intents), for the intents that `LANG.yaml` beside this file names;
2. `LANG.yaml`'s own;
3. the user's: `DIR/*.yaml` and `DIR/LANG/*.yaml`, in Home Assistant's format for custom sentences. They win against
   1 and 2 where both understand the same words.

Lists and rules are shared by all of them, as in Home Assistant: a list named twice has the values of both, a rule named
twice is the later one, and so is a response (Jinja; see `Intent.response`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.engine import EngineError, EngineUnavailable, Intent
from models.sentences import document, templates
from models.sentences.alike import Alike
from models.sentences.document import Value
from models.sentences.house import House, Name
from models.sentences.naming import readings
from models.sentences.numbers import without_and

if TYPE_CHECKING:
    from hassil.intents import IntentData, Intents, SlotList
    from hassil.recognize import RecognizeResult

MAX_WORDS = 40
"""Longer texts are not looked at: hassil's time grows with the length, and no sentence of a house is so long."""

MAX_CHARACTERS = 300

_CUSTOM = "custom"
"""Marks the user's sentences in hassil's metadata."""

_HERE = "here"
"""Marks sentences that mean the area in which they are said."""

_HOUSE_LISTS = ("area", "name", "floor")

_FILE_KEYS = frozenset({"language", "intents", "lists", "expansion_rules", "skip_words", "responses"})
_OWN_KEYS = _FILE_KEYS | {"home_assistant"}


@dataclass(slots=True)
class Sentences:
    """All that can be said."""

    language: str
    intents: Intents
    """hassil's templates by intent, ready for `hassil.recognize`, with `slot_lists` among theirs."""

    slot_lists: dict[str, SlotList]
    """Values by list: `area`, `name` (with the thing's domain as context), `floor`, and those of the files."""

    skip_words: list[str]
    """Words that may be left out of what was said, such as "please"."""

    examples: Mapping[str, list[str]]
    """What the recognizer listens for in the place of a wildcard, by list; text may have any words there."""

    fingerprint: str
    """Changes when anything changes that can be said: a key for caches."""

    responses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What to say when an intent has been carried out, by intent and by the key that a template gives."""

    custom_intents: frozenset[str] = field(default_factory=frozenset)
    """Intents that only the user's files have."""

    house_names: Sequence[str] = ()
    """What floors, areas and things are called, aliases among them."""

    things: Mapping[str, Sequence[Name]] = field(default_factory=dict)
    """What is called so, by name and alias (casefolded)."""

    alike: Alike = field(default_factory=dict)
    """Which names sound alike, where that was looked for (`models.sentences.alike`)."""

    @property
    def intent_names(self) -> list[str]:
        """Every intent that can be meant."""
        return list(self.intents.intents)

    def recognize(self, text: str) -> Intent | None:
        """Return what `text` means, None where it is none of the sentences.

        A slot's value is the list's (`out`), or what was said where the list gives none. Text of more than
        `MAX_WORDS` words or `MAX_CHARACTERS` characters is none of the sentences.
        """
        if len(text) > MAX_CHARACTERS or len(text.split()) > MAX_WORDS:
            return None
        for way in (text, *readings(text)):
            for simpler in dict.fromkeys((way, without_and(way), self._without_courtesy(way))):
                if (found := self._recognize(simpler)) is not None:
                    return found
        return None

    def _without_courtesy(self, text: str) -> str:
        """Return `text` without words at its beginning and end that may be skipped.

        Where hassil skips any it skips all: to "please, what can you do" it would lack the "can you".
        """
        words = "|".join(re.escape(words).replace(r"\ ", r"\s+") for words in self.skip_words)
        if not words:
            return text
        return re.sub(rf"^(?:(?:{words})[\s,]+)+|(?:[\s,]+(?:{words}))+[\s.!?]*$", "", text, flags=re.IGNORECASE)

    def _recognize(self, text: str) -> Intent | None:
        from hassil.recognize import recognize_best

        result = recognize_best(text, self.intents, best_metadata_key=_CUSTOM, best_slot_name="name")
        if result is None:
            return None
        slots = {
            name: entity.value.strip() if isinstance(entity.value, str) else entity.value
            for name, entity in result.entities.items()
        }
        name = result.intent.name
        return Intent(
            name,
            slots,
            response=self.responses.get(name, {}).get(result.response or "default", ""),
            here=bool(result.intent_metadata and result.intent_metadata.get(_HERE)),
            things=tuple(self._things(result)),
        )

    def _things(self, result: RecognizeResult) -> Iterator[Name]:
        """Yield what in the house is meant by the name that was said, of those that this sentence may be about."""
        entity, data = result.entities.get("name"), result.intent_data
        if entity is None or entity.is_wildcard:
            return
        name = entity.text.strip().casefold()
        domain = data.slots.get("domain")
        found = {id(one): one for way in (name, *self.alike.get(name, ())) for one in self.things.get(way, ())}
        for thing in found.values():
            if domain in (None, thing.domain) and fits(data, {"domain": thing.domain}):
                yield thing

    def warm(self) -> None:
        """Do now what the first `recognize` of each kind would do: parse every template, spell out every number."""
        from hassil.intents import Intents, RangeSlotList
        from hassil.recognize import recognize

        self._recognize("nothing that anybody would say")
        ranges = [name for name, values in self.slot_lists.items() if isinstance(values, RangeSlotList)]
        data = [{"sentences": [f"{{{name}}}" for name in ranges]}]
        numbers = Intents.from_dict({"language": self.language, "intents": {"Number": {"data": data}}})
        recognize("nothing", numbers, slot_lists={name: self.slot_lists[name] for name in ranges})


def fits(data: IntentData, context: dict[str, Any] | None) -> bool:
    """Tell whether a value of a list may stand in a block of templates, as hassil tells it: a fan does not brighten."""
    from hassil.util import check_excluded_context, check_required_context

    return check_required_context(data.requires_context, context, allow_missing_keys=True) and check_excluded_context(
        data.excludes_context, context
    )


def load_sentences(house: House, custom_dirs: Sequence[Path] = ()) -> Sentences:
    """Return what can be said in `house`.

    Raises `EngineError`, naming file and line, for a file that is not as it must be, and `EngineUnavailable` where
    a package is missing.
    """
    try:
        from hassil.intents import Intents, TextSlotList
        from home_assistant_intents import get_intents
    except ImportError as error:
        raise EngineUnavailable(f"no {error.name}: pip install 'wyoming-hearth[handle]'") from error

    theirs = get_intents(house.language) or {}
    merged: dict[str, Any] = {
        "language": house.language,
        "intents": {},
        "lists": dict(theirs.get("lists", {})),
        "expansion_rules": dict(theirs.get("expansion_rules", {})),
        "skip_words": list(theirs.get("skip_words", [])),
    }
    responses = {name: dict(answers) for name, answers in theirs.get("responses", {}).get("intents", {}).items()}

    own = document.read(Path(__file__).with_name(f"{house.language}.yaml"))
    assert own is not None
    for name, left_out in own.mapping("the file", _OWN_KEYS)["home_assistant"].items("home_assistant"):
        pattern = re.compile("|".join(value.text("a pattern") for value in left_out.values(name)) or r"(?!)")
        blocks = theirs["intents"].get(name, {"data": []})["data"]
        merged["intents"][name] = {"data": list(_without(blocks, pattern))}
    checks = [_merge(own, merged, custom=False)]
    built_in = set(merged["intents"])
    for path in _files(custom_dirs, house.language):
        root = document.read(path)
        if root is not None:
            checks.append(_merge(root, merged, custom=True))
            for name, answers in _responses(root).items():
                responses.setdefault(name, {}).update(answers)

    lists = _house_lists(house)
    for values in merged["lists"].values():
        _keep_sign(values, house.language)
    intents = Intents.from_dict(merged)
    for name, values in lists.items():
        intents.slot_lists[name] = TextSlotList.from_tuples(values, allow_template=False, name=name)
    for check in checks:
        templates.check(check, intents)
    said = json.dumps([merged, lists], sort_keys=True, default=str).encode()
    return Sentences(
        language=house.language,
        intents=intents,
        slot_lists=intents.slot_lists,
        skip_words=intents.skip_words,
        examples={
            name: [str(value) for value in values["examples"]]
            for name, values in merged["lists"].items()
            if values.get("examples")
        },
        fingerprint=hashlib.sha256(said).hexdigest(),
        responses=responses,
        custom_intents=frozenset(set(merged["intents"]) - built_in),
        house_names=[said for values in lists.values() for said, _, _ in values],
        things=_things(house),
    )


def _things(house: House) -> dict[str, list[Name]]:
    things: dict[str, list[Name]] = {}
    for name in house.names:
        for way in dict.fromkeys(way.casefold() for way in (name.name, *name.aliases)):
            things.setdefault(way, []).append(name)
    return things


def _house_lists(house: House) -> dict[str, list[tuple[str, str, dict[str, str]]]]:
    """Return the values of the lists that every house has: what is said, what it means, and its context."""
    lists: dict[str, list[tuple[str, str, dict[str, str]]]] = {"floor": [], "area": [], "name": []}
    for key, places in (("floor", house.floors), ("area", house.areas)):
        for place in places:
            lists[key] += [(said, place.name, {}) for said in (place.name, *place.aliases)]
    for name in house.names:
        lists["name"] += [(said, name.name, {"domain": name.domain}) for said in (name.name, *name.aliases)]
    return lists


def _keep_sign(values: dict[str, Any], language: str) -> None:
    """Give a range whose numbers are multiplied its own place in hassil's cache of spelled numbers.

    hassil keys it by language and bounds alone, so that after "volume down twenty percent" (times -1) a brightness of
    fifty would be -50. It takes "en_x" for English, but caches it apart.
    """
    number = values.get("range", {})
    if "multiplier" in number:
        apart = f"{number.get('words_language', language)}_{number['multiplier']}"
        values["range"] = {**number, "words_language": apart}


def _without(blocks: Iterable[dict[str, Any]], left_out: re.Pattern[str]) -> Iterator[dict[str, Any]]:
    """Yield Home Assistant's blocks of templates, without those that `left_out` finds something in."""
    for block in blocks:
        sentences = [sentence for sentence in block["sentences"] if not left_out.search(sentence)]
        if sentences:
            yield _anywhere({**block, "sentences": sentences})


def _anywhere(block: dict[str, Any]) -> dict[str, Any]:
    """Return the block without the condition that the speaker's own area is known.

    Home Assistant fills it in from the satellite's settings. Here the intent comes marked, without an area, instead.
    """
    needed = block.get("requires_context", {})
    if needed.get("area") != {"slot": True}:
        return block
    needed = {key: value for key, value in needed.items() if key != "area"}
    return {**block, "requires_context": needed, "metadata": {**block.get("metadata", {}), _HERE: True}}


def _files(directories: Sequence[Path], language: str) -> Iterator[Path]:
    for directory in directories:
        if not directory.is_dir():
            raise EngineError(f"{directory}: not a folder; custom sentences are DIR/*.yaml and DIR/{language}/*.yaml")
        for folder in (directory, directory / language):
            yield from sorted(path for path in folder.glob("*.y*ml") if path.suffix in (".yaml", ".yml"))


def _merge(root: Value, merged: dict[str, Any], *, custom: bool) -> Value:
    """Check a file's shape and put what it says on top of `merged`; return its root for a check of its templates."""
    keys = root.mapping("a file of sentences", _FILE_KEYS if custom else _OWN_KEYS)
    templates.check_shape(keys)
    if "language" in keys and keys["language"].text("language") != merged["language"]:
        raise keys["language"].wrong(
            f"language is {keys['language'].text('language')!r}, but the house's is {merged['language']!r}"
        )
    for name, intent in (keys["intents"].plain() if "intents" in keys else {}).items():
        blocks = [_anywhere(block) for block in intent["data"]]
        if custom:
            blocks = [{**block, "metadata": {**block.get("metadata", {}), _CUSTOM: True}} for block in blocks]
        merged["intents"].setdefault(name, {"data": []})["data"].extend(blocks)
    for name, values in keys["lists"].items("lists") if "lists" in keys else ():
        if name in _HOUSE_LISTS:
            raise values.wrong(f"the list {{{name}}} is filled from house.yaml (--config); name things there")
    for name, added in (keys["lists"].plain() if "lists" in keys else {}).items():
        before = merged["lists"].get(name, {})
        if "values" in before and "values" in added:
            added["values"] = [*before["values"], *added["values"]]
        merged["lists"][name] = added
    if "expansion_rules" in keys:
        merged["expansion_rules"].update(keys["expansion_rules"].plain())
    if "skip_words" in keys:
        merged["skip_words"].extend(keys["skip_words"].plain())
    return root


def _responses(root: Value) -> dict[str, dict[str, str]]:
    """Return the responses of a file that was checked: under `responses: intents:`, or under `responses:` itself."""
    responses = root.mapping("a file of sentences").get("responses")
    if responses is None:
        return {}
    return dict(responses.mapping("responses").get("intents", responses).plain())
