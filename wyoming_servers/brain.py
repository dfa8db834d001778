"""What all connections of the handle server share: who answers, the memory of conversations, the clock on the wall.

What is said is looked up among the sentences of the house first, which takes milliseconds and does what was asked. What
is none of them goes to a language model, where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from wyoming.info import Attribution, HandleModel, HandleProgram

from models.engine import Intent
from wyoming_servers import persona
from wyoming_servers.conversations import Conversation, Conversations
from wyoming_servers.engines import Running, program_name, selected
from wyoming_servers.house import KnownHouse
from wyoming_servers.program import OURS
from wyoming_servers.skills import Answer, Request, carry_out, home, talk, things
from wyoming_servers.skills.situation import Situation, read_situation
from wyoming_servers.wire import Info
from wyoming_servers.wire.options import version
from wyoming_servers.workers import Processes

NAME = "hearth-handle"
"""The program that clients get; each further language model makes one more."""

_LLAMA = Attribution(name="llama.cpp", url="https://github.com/ggml-org/llama.cpp")


class Brain:
    """Answers come from `sentences`, and from one of `talkers`: the first unless a client chooses another."""

    def __init__(
        self,
        sentences: Processes,
        described: dict[str, Any],
        house: KnownHouse,
        *,
        talkers: Sequence[Running] = (),
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """`described` is what `sentences` told of itself when it was started, `now` gives local time."""
        self.sentences = sentences
        self.languages: list[str] = described["languages"]
        self.conversations = Conversations()
        self.talkers = list(talkers)
        self._described = described
        self._house = house
        self._now = now

    def talker(self, name: str = NAME) -> Running | None:
        """Return the language model of the program that a client chose, None where there is none.

        Raises `BadValue` for a name that is no program's.
        """
        if name == NAME and not self.talkers:
            return None
        return selected("handle", self.talkers, name)

    async def carry_out(self, intent: Intent, conversation: Conversation, context: object) -> tuple[Intent, Answer]:
        """Return what `intent` means in this conversation, and the answer to it.

        What is wanted of a Home Assistant and was not asked by one is done by our own, before the answer tells of it.
        """
        situation, hass = self._situation(context), self._house.home
        house = self._house.now
        intent = things.chosen(talk.meant(intent, conversation.intent), situation, house)
        request = Request(intent, situation, house, self._now(), conversation.last_answer, hass is not None)
        answer = carry_out(request)
        if answer.wanted is None or situation.is_home_assistant or hass is None:
            return intent, answer
        from wyoming_servers.home_assistant import deeds

        outcome = await deeds.carry_out(hass, answer.wanted, house.language)
        intent = replace(intent, slots={**answer.wanted.slots, **intent.slots})  # with the area that it was done in
        return intent, Answer(home.tell(replace(request, intent=intent), outcome))

    def facts(self, conversation: Conversation, context: object) -> str:
        """Return what a language model is to know of this moment; empty where it was told the same before."""
        told = [exchange.facts for exchange in conversation.exchanges if exchange.facts]
        facts = persona.facts(self._house.now, self._now(), self._situation(context))
        return "" if told[-1:] == [facts] else facts

    def _situation(self, context: object) -> Situation:
        """Return what is known of where the words were said; where that is, Home Assistant knows of its devices."""
        situation = read_situation(context)
        return replace(situation, area=situation.area or self._house.room(*situation.heard_by))

    def info(self) -> Info:
        """Return what `describe` is answered with: the program that clients get, and one for each further model."""
        if not self.talkers:
            return Info(handle=[self._program(NAME, [])])
        named = [(program_name("handle", self.talkers, one), one) for one in self.talkers]
        return Info(handle=[self._program(name, [one]) for name, one in named])

    def _program(self, name: str, talkers: Sequence[Running]) -> HandleProgram:
        sentences = HandleModel(
            name=self._described["name"],
            attribution=OURS,
            installed=True,
            description="The sentences of the house",
            version=self._described["version"],
            languages=self.languages,
        )
        models = [
            HandleModel(
                name=talker.name,
                attribution=_LLAMA,
                installed=True,
                description="A language model, for what is none of the sentences",
                version=talker.described["version"],
                languages=talker.described["languages"],
            )
            for talker in talkers
        ]
        return HandleProgram(
            name=name,
            attribution=OURS,
            installed=True,
            description="Answers what is said to the house",
            version=version(),
            models=[sentences, *models],
            supports_handled_streaming=True,
            supports_home_control=True,
        )
