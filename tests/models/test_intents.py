from models.engine import Intent
from models.intents import SentenceResponder
from models.sentences.house import load_house
from models.sentences.library import load_sentences


def test_one_intent_or_nothing() -> None:
    responder = SentenceResponder(load_sentences(load_house()))
    assert responder.languages == ["en"]
    assert list(responder.respond("what time is it", [], lambda: False)) == [Intent("HassGetCurrentTime", {})]
    assert list(responder.respond("the whale was white", [], lambda: False)) == []


def test_nothing_once_cancelled() -> None:
    responder = SentenceResponder(load_sentences(load_house()))
    assert list(responder.respond("what time is it", [], lambda: True)) == []
