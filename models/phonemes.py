"""How espeak-ng would say words, for words that no dictionary has: `python -P -m models.phonemes WORD…`.

A program of its own, because espeak-ng is one global state and some texts crash it. Prints a JSON object: for each
word that can be said its phonemes in ARPAbet without stress, as in CMU's dictionary. Where espeakng-loader is not
installed it ends with status 1 and says so.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Sequence

_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_SEPARATOR = ord("_") << 8  # espeak_TextToPhonemes: bits 8-23, a character between phonemes
_MARKS = "',%=|;"  # stress, length and palatal marks

_TABLE = """
p=P b=B t=T d=D k=K g=G f=F v=V T=TH D=DH s=S z=Z S=SH Z=ZH h=HH m=M n=N N=NG l=L r=R j=Y w=W tS=CH dZ=JH
t#=T t2=T ?=T d#=D x=K z#=Z z2=Z l#=L r-=R w#=W h#=HH n-=AH.N m-=AH.M @L=AH.L
a=AE aa=AE a#=AH @=AH @2=AH @5=AH @#=AH @-=AH V=AH VR=AH.R A:=AA A#=AA 0=AA 0#=AA A@=AA.R
O=AO O:=AO O2=AO O@=AO.R o@=AO.R aI=AY aI@=AY.AH aI3=AY.ER aU=AW aU@=AW.ER E=EH E#=IH e@=EH.R eI=EY
I=IH I2=IH I#=IH i=IY i:=IY i::=IY i@=IY.AH i@3=IH.R 3=ER 3:=ER oU=OW oU#=OW OI=OY u:=UW U=UH U@=UH.R
"""
ARPABET = dict(pair.split("=") for pair in _TABLE.split())
"""What espeak-ng calls the phonemes of its voice en-US (docs/phonemes.md, phsource/ph_english_us), in ARPAbet."""


def phonemes(words: Sequence[str]) -> dict[str, str]:
    """Return ARPAbet by word, without the words that need sounds which American English does not have.

    Raises ImportError where espeakng-loader is missing, OSError where its library does not load.
    """
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
    if rate <= 0 or library.espeak_SetVoiceByName(b"gmw/en-US"):
        raise OSError("espeak-ng's data is not whole")
    said = {}
    for word in words:
        text = ctypes.create_string_buffer(word.encode())
        place = ctypes.c_void_p(ctypes.addressof(text))
        spelled = (library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _SEPARATOR) or b"").decode()
        names = [name.strip(_MARKS) for name in spelled.replace(" ", "_").split("_")]
        sounds = [ARPABET.get(name, "?") for name in names if name]
        if sounds and "?" not in sounds:
            said[word] = " ".join(sounds).replace(".", " ")
    return said


def main(words: Sequence[str]) -> int:
    """Print the phonemes of `words`."""
    try:
        sys.stdout.write(json.dumps(phonemes(words)))
    except (ImportError, OSError) as error:
        sys.stderr.write(f"models.phonemes: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
