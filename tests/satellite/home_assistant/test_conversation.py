from __future__ import annotations

import pytest

from satellite.home_assistant.chimes import Chimes
from satellite.home_assistant.cue import Cue
from satellite.home_assistant.listening import HELD_S, LONGEST_S, NOBODY_S, PRE_ROLL_S, SILENCE_S
from satellite.home_assistant.mouth import WAITING_SOUNDS, Kind
from satellite.home_assistant.signals import CHIME_AFTER_S
from satellite.home_assistant.turn import ANSWER_S, PATIENCE_S
from satellite.home_assistant.uplink import CLEARED_S
from satellite.home_assistant.wake_stage import WAKE_WORD_S
from satellite.report import State
from tests.satellite.home_assistant.station import CHIME, LOUD, Link, Room
from wyoming_servers.wire import Busy

AWAKE = Chimes(awake=CHIME)


def a_turn(room: Room, text: str = "It is noon.") -> None:
    room.wake()
    room.hear(1, LOUD)
    room.hear(0.7)
    room.answer(text)


def test_nothing_is_sent_before_home_assistant_runs_it() -> None:
    room = Room(Cue.THERE)
    room.hear(1, LOUD)
    assert room.link.events == []


def test_a_turn_with_a_wake_word_that_is_heard_here() -> None:
    room = Room()
    room.connect()
    room.hear(1)
    assert room.link.take() == []
    room.wake()
    room.hear(1, LOUD)
    run = room.link.events[1].data
    assert (run["start_stage"], run["end_stage"], run["restart_on_end"]) == ("asr", "tts", False)
    assert room.link.take() == ["detection", "run-pipeline", "audio-chunk"]
    room.say("transcript", text="what time is it")
    room.hear(1)
    assert room.link.take() == [], "a transcript means: send no more"
    room.say("synthesize", text="It is noon.")
    room.speak()
    room.hear(0.5)
    assert room.link.take() == [], "nothing was heard yet"
    room.mouth.finish()
    assert room.link.take() == ["played"]
    assert room.watcher.states == [State.LISTENING, State.PROCESSING, State.RESPONDING, State.IDLE]
    (turn,) = room.watcher.turns
    assert (turn.heard, turn.reply, turn.error) == ("what time is it", "It is noon.", None)
    assert room.watcher.happenings == [
        "connected", "detect", "detection okay_nabu", "streaming-start", "streaming-stop", "transcript what time is it",
        "synthesize It is noon.", "tts-start", "tts-stop", "tts-played", "detect",
    ]  # fmt: skip


def test_what_is_said_in_one_breath_with_the_wake_word_is_sent_from_its_end_on() -> None:
    room = Room()
    room.connect()
    room.hear(3, LOUD)
    room.conversation.woken("okay_nabu", room.now - 0.5)
    assert room.link.seconds() == pytest.approx(0.5, abs=0.021)
    room.hear(1, LOUD)
    assert room.link.seconds() == pytest.approx(1.5, abs=0.021)


def test_whoever_goes_on_speaking_hears_no_chime() -> None:
    room = Room(chimes=AWAKE)
    room.connect()
    room.wake()
    room.hear(1, LOUD)
    assert room.mouth.kinds == []


def test_nothing_of_the_chime_is_sent_and_all_that_is_said_after_it_is() -> None:
    room = Room(chimes=AWAKE)
    room.connect()
    room.wake()
    room.hear(CHIME_AFTER_S + 0.05)
    assert room.mouth.kinds == [Kind.CHIME]
    room.link.take()
    room.hear(0.1, LOUD)  # it sounds
    assert room.link.take() == []
    room.mouth.finish()
    room.hear(0.1, LOUD)  # its echo
    assert room.link.take() == []
    room.hear(1, LOUD)
    assert room.link.seconds() == pytest.approx(1, abs=0.021)


def test_an_answer_that_asks_is_followed_by_another_turn() -> None:
    room = Room()
    room.connect()
    a_turn(room, "Which light?")
    room.link.take()
    room.mouth.finish()
    assert room.link.take() == ["played", "run-pipeline"]
    room.hear(0.2, LOUD)  # the echo
    room.hear(1, LOUD)
    assert room.link.take() == ["audio-chunk"]
    room.answer()
    room.mouth.finish()
    assert room.link.take() == ["played"]


def test_no_turn_follows_a_question_that_was_interrupted_or_announced() -> None:
    room = Room()
    room.connect()
    a_turn(room, "Which light?")
    room.conversation.stop()
    assert room.link.take()[-1:] == ["played"]
    room.speak()
    room.mouth.finish()
    assert room.link.take() == ["played"]


def test_a_turn_in_which_nobody_speaks_ends_soon() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(NOBODY_S - 0.1)
    assert room.link.take()[-1] == "audio-chunk"
    room.hear(0.2)
    assert room.link.take() == ["audio-chunk", "audio-stop"]
    room.say("error", text="No text recognized", code="stt-no-text-recognized")
    assert room.mouth.kinds == [], "nothing went wrong"
    assert room.watcher.states[-1] is State.IDLE


def test_silence_that_home_assistant_does_not_notice_ends_what_is_said() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(1, LOUD)
    room.hear(SILENCE_S - 0.1)
    assert room.link.take()[-1] == "audio-chunk"
    room.hear(0.2)
    assert room.link.take()[-1] == "audio-stop"
    room.answer()
    assert room.watcher.states == [State.LISTENING, State.PROCESSING, State.RESPONDING]


def test_what_is_said_has_a_longest_time() -> None:
    room = Room(voice=False)
    room.connect()
    room.wake()
    room.hear(LONGEST_S + 0.1, LOUD)
    assert room.link.take()[-1] == "audio-stop"


def test_an_answer_without_words_is_not_waited_for_for_ever() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="turn on the light")
    room.now += ANSWER_S
    room.conversation.tick()
    assert room.watcher.states == [State.LISTENING, State.PROCESSING, State.IDLE]


def test_a_button_that_is_held_while_it_speaks_interrupts_it_and_a_released_one_ends_nothing_else() -> None:
    room = Room()
    room.connect()
    a_turn(room)
    room.link.take()
    room.conversation.trigger()
    room.conversation.hold()
    assert room.link.take() == ["played", "run-pipeline"]
    room.hear(1)
    room.conversation.release()
    assert room.link.take() == ["audio-chunk", "audio-stop"]
    room.conversation.release()
    room.answer()
    room.wake()
    room.hear(1, LOUD)
    room.conversation.release()  # of a button that was not held in this turn
    assert "audio-stop" not in room.link.take()


def test_nobody_holds_a_button_for_ever() -> None:
    room = Room()
    room.connect()
    room.conversation.trigger()
    room.conversation.hold()
    room.hear(HELD_S - 0.1, LOUD)
    assert room.link.take()[-1] == "audio-chunk"
    room.hear(0.2, LOUD)
    assert room.link.take()[-1] == "audio-stop"


def test_nothing_of_the_chime_that_ends_what_is_said_is_kept_for_the_next_turn() -> None:
    room = Room(chimes=Chimes(done=CHIME))
    room.connect()
    room.wake()
    room.hear(1, LOUD)
    room.say("transcript", text="what time is it")
    assert room.mouth.kinds == [Kind.CHIME]
    room.hear(0.1, LOUD)  # it sounds
    room.mouth.finish()
    room.hear(0.1, LOUD)  # its echo
    room.hear(0.5)
    room.link.take()
    room.conversation.woken("okay_nabu", room.now - 1.0)  # as if its word had come before the chime
    room.clear()
    (chunk,) = [event.payload or b"" for event in room.link.events if event.type == "audio-chunk"]
    assert not any(chunk[-32_000 // 2 :])
    assert len(chunk) <= 0.5 * 32_000


def test_a_button_that_is_held_lasts_as_long_as_it_is() -> None:
    room = Room()
    room.connect()
    room.conversation.trigger()
    room.hear(0.5)
    room.conversation.hold()
    room.hear(NOBODY_S + 1)
    assert room.link.take() == ["run-pipeline", "audio-chunk"]
    room.conversation.release()
    assert room.link.take() == ["audio-stop"]
    assert room.watcher.states == [State.LISTENING, State.PROCESSING]


# ---- two things at once


def test_who_calls_while_it_speaks_is_heard_and_it_is_silent() -> None:
    room = Room()
    room.connect()
    a_turn(room)
    room.link.take()
    room.wake()
    assert room.link.take() == ["played", "detection", "run-pipeline"]
    assert not room.mouth.busy
    assert room.watcher.states[-1] is State.LISTENING


def test_the_rest_of_an_answer_that_was_interrupted_is_dropped() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    sound = {"rate": 22_050, "width": 2, "channels": 1}
    room.say("audio-start", **sound)
    room.wake()
    room.say("audio-chunk", **sound)
    room.say("audio-stop")
    assert not room.mouth.busy
    assert room.watcher.states[-1] is State.LISTENING


def test_the_answer_to_a_question_that_was_given_up_is_not_heard() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.wake()  # nothing was answered yet
    room.link.take()
    room.say("transcript", text="first, once more")  # still of the first: the second's stage has not begun
    assert room.watcher.states[-1] is State.LISTENING
    room.say("transcribe", language="en")
    room.say("synthesize", text="The first.")
    room.speak()
    assert room.link.take() == ["played"]
    assert not room.mouth.busy
    assert room.watcher.states[-1] is State.LISTENING
    assert "synthesize The first." not in room.watcher.happenings
    room.answer("The second.")
    assert room.mouth.kinds == [Kind.SPEECH]
    assert [turn.heard for turn in room.watcher.turns] == ["first"]


def test_what_was_stopped_before_it_was_answered_is_not_answered_aloud() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    room.conversation.stop()
    room.link.take()
    room.say("synthesize", text="Once upon a time, would you believe it?")
    room.speak()
    assert room.link.take() == ["played"]
    assert not room.mouth.busy
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH], "an announcement is heard"
    room.mouth.finish()
    assert room.link.take() == ["played"]
    assert room.watcher.states == [State.LISTENING, State.PROCESSING, State.IDLE, State.RESPONDING, State.IDLE]


def test_what_was_stopped_when_its_answer_was_known_is_not_answered_aloud() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    room.say("synthesize", text="Once upon a time")
    room.conversation.stop()
    room.link.take()
    room.speak()
    assert room.link.take() == ["played"]
    assert not room.mouth.busy


def test_a_streamed_answer_begins_before_its_words_are_told_and_is_dropped_with_them() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    room.conversation.stop()
    room.speak(60)  # it may be an announcement
    assert room.mouth.kinds == [Kind.SPEECH]
    room.link.take()
    room.say("synthesize", text="Once upon a time")
    assert room.link.take() == ["played"]
    assert not room.mouth.busy
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH], "an announcement is heard"


def test_a_streamed_answer_that_was_heard_before_its_words_are_told_takes_nothing_with_it() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    room.conversation.stop()
    room.speak()
    room.mouth.finish()
    room.say("synthesize", text="Once upon a time")
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH]


@pytest.mark.parametrize("by", ["stop", "mute"])
def test_what_was_stopped_while_it_was_said_is_not_answered_aloud(by: str) -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    if by == "stop":
        room.conversation.stop()
    else:
        room.conversation.muted = True
    assert room.link.take()[-1] == "audio-stop"
    room.answer()  # to the part that was heard
    assert room.link.take() == ["played"]
    assert not room.mouth.busy
    assert room.watcher.states == [State.LISTENING, State.IDLE]


def test_what_may_still_run_there_is_ended_before_a_turn_begins() -> None:
    """Else Home Assistant would take the end of that run for the end of this one, and hear nothing of it."""
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.link.take()
    room.wake()
    assert (room.link.events[1].data["start_stage"], room.link.events[1].data["end_stage"]) == ("tts", "tts")
    room.hear(0.1, LOUD)
    room.say("error", text="No text recognized", code="stt-no-text-recognized")  # of the first
    assert room.watcher.states[-1] is State.LISTENING
    room.clear()
    assert room.link.seconds() == pytest.approx(0.1, abs=0.021)
    assert room.link.take() == ["detection", "run-pipeline", "audio-chunk"]
    room.hear(0.1, LOUD)
    room.say("error", text="the pipeline does not support text-to-speech", code="validation-error")
    assert room.link.take() == ["audio-chunk"]
    assert room.watcher.turns[-1].error == "Home Assistant: the pipeline does not support text-to-speech"


def test_home_assistant_that_does_not_say_that_nothing_runs_is_not_waited_for() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.link.take()
    room.wake()
    room.hear(CLEARED_S + 0.1, LOUD)
    assert room.link.seconds() == pytest.approx(CLEARED_S + 0.1, abs=0.021)
    assert room.link.take() == ["audio-stop", "run-pipeline", "detection", "run-pipeline", "audio-chunk"]
    room.say("error", text="tts_input is required for text-to-speech", code="validation-error")  # late
    assert room.watcher.states[-1] is State.LISTENING
    room.say("transcribe", language="en")
    room.answer("The second.")
    assert room.mouth.kinds == [Kind.SPEECH]


def test_who_gives_up_before_it_could_begin_sends_nothing_of_it() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.link.take()
    room.wake()
    room.hear(0.1, LOUD)
    room.conversation.pause(room.link)
    assert room.link.take() == ["audio-stop", "run-pipeline"]
    room.say("error", text="tts_input is required for text-to-speech", code="validation-error")
    room.conversation.connect(room.link)
    assert room.link.take() == []


def test_the_answer_to_what_was_stopped_does_not_disturb_the_next_turn() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.conversation.stop()
    room.wake()
    room.link.take()
    room.say("synthesize", text="The first.")
    room.speak()
    assert room.link.take() == ["played"]
    assert room.watcher.states[-1] is State.LISTENING
    room.say("transcribe", language="en")
    room.answer("The second.")
    assert room.mouth.kinds == [Kind.SPEECH]


def test_an_announcement_after_a_question_that_was_given_up_for_silence_is_heard() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="first")
    room.link.take()
    room.wake()
    room.clear()
    room.say("transcribe", language="en")
    room.say("error", text="No text recognized", code="stt-no-text-recognized")
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH]


def test_after_an_error_that_ended_what_was_stopped_nothing_is_passed_over() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.conversation.stop()
    room.say("error", text="No text recognized", code="stt-no-text-recognized")
    a_turn(room)
    assert room.mouth.kinds == [Kind.SPEECH]


def test_an_announcement_ends_a_turn_that_is_being_spoken() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(1, LOUD)
    room.speak()
    room.link.take()
    room.hear(1, LOUD)
    assert room.link.take() == []
    room.mouth.finish()
    assert room.link.take() == ["played"]
    assert room.watcher.states == [State.LISTENING, State.RESPONDING, State.IDLE]


def test_announcements_are_heard_one_after_the_other() -> None:
    room = Room()
    room.connect()
    room.speak()
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH, Kind.SPEECH]
    room.mouth.finish()
    assert room.link.take() == [], "Home Assistant would take it for the end of the second one"
    room.mouth.finish()
    assert room.link.take() == ["played"]


def test_an_announcement_takes_the_place_of_an_answer() -> None:
    room = Room()
    room.connect()
    a_turn(room, "Which light?")
    room.link.take()
    room.speak()
    assert room.mouth.kinds == [Kind.SPEECH]
    assert room.link.take() == [], "nothing was announced yet"
    room.mouth.finish()
    assert room.link.take() == ["played"], "and the question was not heard, so no turn follows"
    assert room.watcher.states[-2:] == [State.RESPONDING, State.IDLE]
    assert len(room.watcher.turns) == 1


def test_a_second_wake_word_within_what_is_said_begins_nothing() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.link.take()
    room.wake()
    room.conversation.trigger()
    assert room.link.take() == []


# ---- Home Assistant comes and goes


@pytest.mark.parametrize("state", ["listening", "asked", "processing"])
def test_home_assistant_goes_away_in_a_turn_and_the_house_says_so(state: str) -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    if state == "asked":
        room.hear(SILENCE_S + 0.1)
    elif state == "processing":
        room.say("transcript", text="what time is it")
    room.link.take()
    room.conversation.disconnect(room.link)
    assert room.mouth.kinds == [Kind.SORRY]
    assert room.watcher.turns[0].error == "Home Assistant has gone in the middle of a turn"
    room.hear(1, LOUD)
    assert room.link.events == []
    again = room.link = Link()
    room.connect()
    assert again.events == [], "no turn is answered twice"
    room.mouth.finish()
    assert again.events == []
    a_turn(room)
    assert again.take() == ["detection", "run-pipeline", "audio-chunk"]


def test_home_assistant_goes_away_while_it_speaks_and_what_came_is_heard() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="what time is it")
    room.say("synthesize", text="Which one?")
    room.say("audio-start", rate=22_050, width=2, channels=1)
    room.conversation.disconnect(room.link)
    assert room.mouth.kinds == [Kind.SPEECH]
    again = room.link = Link()
    room.connect()
    room.mouth.finish()
    assert again.events == [], "who is there now has not said it: no played, and no turn that follows"
    assert room.watcher.states[-1] is State.IDLE


def test_without_home_assistant_who_calls_is_told() -> None:
    room = Room()
    room.wake()
    assert room.mouth.kinds == [Kind.SORRY]
    assert room.watcher.happenings[-1] == "error Home Assistant is not connected"


def test_paused_it_begins_nothing_but_plays_and_rings() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.link.take()
    room.conversation.pause(room.link)
    room.hear(0.5, LOUD)
    before = list(room.watcher.happenings)
    room.wake()
    room.conversation.trigger()
    assert room.link.take() == []
    assert room.mouth.kinds == []
    assert room.watcher.happenings == before, "no command on an event makes it look as if it listened"
    room.speak()
    room.mouth.finish()
    assert room.link.take() == ["played"]
    room.connect()
    room.wake()
    assert room.link.take() == ["detection", "run-pipeline"]


def test_an_error_is_not_silent() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.say("error", text="speech-to-text failed", code="stt-stream-failed")
    assert room.mouth.kinds == [Kind.SORRY]
    assert "error Home Assistant: speech-to-text failed" in room.watcher.happenings
    room.link.take()
    room.hear(1, LOUD)
    assert room.link.take() == [], "an error means: send no more"
    assert room.watcher.states[-1] is State.IDLE


def test_too_many_sounds_are_refused_and_a_stop_makes_room() -> None:
    room = Room()
    room.connect()
    for _ in range(WAITING_SOUNDS):
        room.speak()
    with pytest.raises(Busy, match="send the next when some were played"):
        room.speak()
    room.conversation.disconnect(room.link)
    room.conversation.trigger()  # all is dropped: there is a place again
    assert room.mouth.kinds == [Kind.SORRY]


def test_what_was_dropped_takes_no_place_although_the_speaker_has_not_stopped_yet() -> None:
    room = Room()
    room.connect()
    for _ in range(WAITING_SOUNDS):
        room.speak()
    room.say("timer-started", id="a", total_seconds=1)
    room.conversation.stop()
    room.hear(1.1)
    assert room.mouth.kinds == [Kind.TIMER]


def test_home_assistant_that_goes_while_many_sounds_wait_ends_the_turn() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.say("transcript", text="tell me a story")
    for _ in range(WAITING_SOUNDS):
        room.mouth.say(Kind.CHIME, *CHIME)
    room.mouth.say(Kind.CHIME, *CHIME)  # one too many, of which nobody need be told
    room.conversation.disconnect(room.link)
    assert len(room.mouth.kinds) == WAITING_SOUNDS
    assert room.watcher.turns[-1].error == "Home Assistant has gone in the middle of a turn"
    assert room.watcher.states[-1] is State.IDLE


# ---- the wake word is Home Assistant's


def test_the_microphone_is_always_sent_and_home_assistant_restarts_by_itself() -> None:
    room = Room(Cue.THERE)
    room.connect()
    run = room.link.events[0].data
    assert (run["start_stage"], run["end_stage"], run["restart_on_end"]) == ("wake", "tts", True)
    room.say("detect")
    room.hear(1)
    assert room.link.take() == ["run-pipeline", "audio-chunk"]
    room.say("detection", name="okay_nabu", timestamp=100)
    room.hear(0.7, LOUD)
    room.say("transcript", text="what time is it")
    room.link.take()
    room.hear(0.5)
    assert room.link.take() == []
    room.say("synthesize", text="It is noon.")
    room.speak()
    room.say("detect")  # the next run has begun, while it speaks
    room.hear(0.5)
    assert room.link.take() == ["audio-chunk"]
    room.say("detection", name="okay_nabu", timestamp=100)  # and is interrupted
    assert room.link.take() == ["played"]
    assert room.watcher.states[-1] is State.LISTENING


def test_after_an_error_home_assistant_is_asked_again_later_and_later() -> None:
    room = Room(Cue.THERE)
    room.connect()
    waits = []
    for _ in range(8):
        assert room.link.take()[0] == "run-pipeline"
        room.say("error", text="no wake word engine", code="wake-engine-missing")
        began = room.now
        while not room.link.events:
            room.now += 0.05
            room.conversation.tick()
        waits.append(room.now - began)
    assert waits[0] < 0.6
    assert 20 < waits[-1] < 31
    assert room.mouth.kinds == []


def test_with_local_voice_activity_it_is_sent_when_somebody_speaks_and_what_they_began_with_too() -> None:
    room = Room(Cue.THERE_ON_SPEECH)
    room.connect()
    room.hear(3)
    assert room.link.take() == []
    room.hear(0.5, LOUD)
    run = room.link.events[0].data
    assert (run["start_stage"], run["restart_on_end"]) == ("wake", False)
    assert room.link.seconds() == pytest.approx(PRE_ROLL_S + 0.3, abs=0.05)
    room.hear(WAKE_WORD_S + 1)
    assert room.link.take() == ["run-pipeline", "audio-chunk", "audio-stop"], "no wake word was heard"
    room.say("error", text="", code="wake_word_detection_aborted")
    room.hear(0.5, LOUD)
    room.say("detection", name="okay_nabu")
    room.hear(1, LOUD)
    room.answer()
    room.mouth.finish()
    assert room.link.take() == ["run-pipeline", "audio-chunk", "played"]
    assert len(room.watcher.turns) == 1


def test_a_button_works_beside_a_wake_word_that_is_home_assistants() -> None:
    room = Room(Cue.THERE)
    room.connect()
    room.hear(0.5)
    room.link.take()
    room.conversation.trigger()
    room.clear()
    assert room.link.events[0].data["start_stage"] == "asr"
    room.hear(0.5, LOUD)
    room.answer()
    room.mouth.finish()
    room.conversation.tick()
    assert room.link.take()[-2:] == ["played", "run-pipeline"], "the wake stage is asked for again"


# ---- without a wake word


def test_anybody_who_speaks_begins_a_turn_and_the_satellite_itself_does_not() -> None:
    room = Room(Cue.SPEECH)
    room.connect()
    room.hear(2)
    room.hear(0.5, LOUD)
    assert room.link.events[0].data["start_stage"] == "asr"
    assert room.link.seconds() == pytest.approx(PRE_ROLL_S + 0.3, abs=0.05)
    room.answer()
    room.link.take()
    room.hear(1, LOUD)  # the house speaks
    assert room.link.take() == []
    room.mouth.finish()
    room.hear(0.18, LOUD)  # its echo
    room.hear(1)
    assert room.link.take() == ["played"]


# ---- controls


def test_where_anybody_who_speaks_is_heard_an_answer_without_words_keeps_nobody_waiting() -> None:
    room = Room(Cue.SPEECH)
    room.connect()
    room.hear(1, LOUD)
    room.hear(1)
    room.say("transcript", text="stop")
    room.link.take()
    room.hear(1, LOUD)
    assert room.link.take() == [], "the answer may come yet"
    room.hear(PATIENCE_S)
    room.hear(0.5, LOUD)
    room.clear()
    assert room.link.take() == ["run-pipeline", "audio-chunk"]
    room.say("transcribe", language="en")
    room.answer()
    room.mouth.finish()
    assert room.link.take() == ["played"]


def test_muted_it_hears_and_keeps_nothing() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.conversation.muted = True
    assert room.link.take()[-1] == "audio-stop"
    room.hear(1, LOUD)
    room.wake()
    room.conversation.trigger()
    assert room.link.take() == []
    room.conversation.muted = False
    room.wake()
    room.clear()
    assert room.link.take() == ["detection", "run-pipeline"]


def test_stop_ends_whatever_goes_on() -> None:
    room = Room()
    room.connect()
    room.wake()
    room.hear(0.5, LOUD)
    room.conversation.stop()
    assert room.link.take()[-1] == "audio-stop"
    assert room.watcher.states[-1] is State.IDLE
    room.conversation.tick()
    a_turn(room)
    room.say("timer-started", id="a", total_seconds=1)
    room.now += 2
    room.conversation.stop()
    room.conversation.tick()
    assert room.mouth.kinds == []


# ---- timers


def test_a_timer_that_ends_while_it_speaks_rings_after_that() -> None:
    room = Room()
    room.connect()
    room.say("timer-started", id="a", total_seconds=5, name="eggs")
    a_turn(room)
    room.now += 5
    room.conversation.tick()
    assert room.mouth.kinds == [Kind.SPEECH]
    room.mouth.finish()
    room.conversation.tick()
    assert room.mouth.kinds == [Kind.TIMER]
    assert room.watcher.states[-1] is State.RESPONDING


def test_a_timer_rings_although_home_assistant_has_gone_and_a_call_silences_it() -> None:
    room = Room()
    room.connect()
    room.say("timer-started", id="a", total_seconds=5)
    room.conversation.disconnect(room.link)
    room.now += 5
    room.conversation.tick()
    assert room.mouth.kinds == [Kind.TIMER]
    room.wake()
    assert room.mouth.kinds == []
    room.hear(10)
    assert room.mouth.kinds == []


def test_a_timer_that_was_paused_before_the_satellite_was_started_anew_is_forgotten() -> None:
    room = Room()
    room.timers.change(room.timers.set(60).id, 60, paused=True)
    room.timers.set(30, "egg")
    room.connect()
    assert [timer.name for timer in room.timers] == ["egg"]


def test_while_somebody_speaks_no_timer_rings() -> None:
    room = Room()
    room.connect()
    room.say("timer-started", id="a", total_seconds=1)
    room.wake()
    room.hear(2, LOUD)
    assert room.mouth.kinds == []
    room.say("error", text="nothing", code="stt-no-text-recognized")
    room.conversation.tick()
    assert room.mouth.kinds == [Kind.TIMER]
