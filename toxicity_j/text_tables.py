"""The tables behind `text.normalize`: which characters look alike, which are not seen,
what emoji are called.

Names of emoji come from `unicodedata`; the tables here hold what Unicode names badly,
and the names that are newer than the oldest Python supported.
"""

from __future__ import annotations

import string

# Curly and low quotes, primes and accents used as apostrophes, long dashes, arrows,
# ornamental quotes.
STRAIGHT: dict[int, str] = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u275b\u275c", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u275d\u275e", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015", "-"),
        **dict.fromkeys("\u2192\u27f6\u2794\u279c", "->"),
        **dict.fromkeys("\u2190\u27f5", "<-"),
        **dict.fromkeys("\u21d2\u27f9", "=>"),
        "\u2122": " TM",
    }
)

# Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt) without U+200B,
# which is a word boundary; and the interlinear annotation marks and enclosing marks,
# which print nothing of their own.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u206f\u20dd-\u20e0"
    "\u20e2-\u20e4\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
# Control characters, and characters as wide as a letter that print nothing: zero-width
# space (a word boundary), line separators, braille blank, object replacement, null
# notehead.
BLANK = "\u0000-\u001f\u007f-\u009f\u200b\u2028\u2029\u2800\ufffc\U0001d159"


def _pairs(text: str) -> dict[int, str]:
    """Read a table written as "look-alike, letter, look-alike, letter, ..."."""
    return {ord(pair[0]): pair[1] for pair in text.split()}


_CYRILLIC = _pairs(
    "аa еe оo рp сc уy хx іi јj ѕs ԁd ԛq ԝw һh ӏl кk мm тt нh вb гr пn ьb ѵv ԍg ёe їi"
    " єe иn яr шw цu АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЈJ ЅS ԀD ԚQ ԜW ҺH ӀI ѴV ЁE"
    " ЇI ЄE ИN ЯR"
)
_GREEK = _pairs(
    "αa εe ιi οo ρp υu νv κk τt χx ωw ηn γy ϲc ϳj μu βb ςs σo θo άa έe ίi όo ύu ήn ώw "
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC ͿJ"
)
_ARMENIAN_CHEROKEE = _pairs(
    "օo սu ոn հh ցg զq ՕO ՍU ᎪA ᏴB ᏟC ᎠD ᎬE ᏀG ᎻH ᎫJ ᏦK ᏞL ᎷM ᏢP ᏒR ᏚS ᎢT ᏙV ᏔW ᏃZ ᎩY"
)
_LATIN = _pairs(
    "ɑa ɡg ıi ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz"
    " øo łl đd ħh ƅb"
)
# Letters that look like a Latin one, folded in words that hold an ASCII letter. Latin
# ones are there for words such as those in small capitals; "ø" and its like in English
# text are names, so the accent goes as other accents do.
LOOKALIKES: dict[int, str] = {**_CYRILLIC, **_GREEK, **_ARMENIAN_CHEROKEE, **_LATIN}
# Those of Cyrillic that no reader could tell apart, folded even in words that hold
# nothing else.
IDENTICAL = "аеорсухіјѕԁԛԝһӏАВЕКМНОРСТУХІЈЅ"
# Small capitals need no ASCII letter beside them: no language writes words in them
# alone.
SMALL_CAPITALS: dict[int, str] = {
    code: letter for code, letter in _LATIN.items() if chr(code) not in "ıøłđħƅ"
}
# Letters in black circles and squares; NFKC undoes the white ones.
NEGATIVE_LETTERS: dict[int, str] = {
    start + index: letter
    for start in (0x1F150, 0x1F170)
    for index, letter in enumerate(string.ascii_uppercase)
}

SKIN_TONES = "\U0001f3fb-\U0001f3ff"
# Symbols that Unicode names: arrows, technical, weather, dingbats, cards, pictographs,
# emoji. Box drawing and geometric shapes are left out, because they are rules and
# bullets.
PICTURES = (
    "\u2196-\u21cf\u2300-\u23ff\u25b6\u25c0\u2600-\u2767\u2794-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001f0ff\U0001f18e\U0001f191-\U0001f19a\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
)
# Animals, whose faces are called by the animal alone.
ANIMALS = (range(0x1F400, 0x1F440), range(0x1F980, 0x1F9AF))
# Words of a symbol's name that say how it is drawn, not what it shows.
DRAWN = frozenset(
    {
        "black",
        "white",
        "heavy",
        "medium",
        "sign",
        "symbol",
        "squared",
        "negative",
        "emoji",
        "ornament",
    }
)

# What readers call an emoji where Unicode's name is another; the first group is used to
# insult.
EMOJI_NAMES: dict[str, str] = {
    "\U0001f595": "middle finger",
    "\U0001f4a9": "poop",
    "\U0001f5d1": "trash",
    "\U0001f92c": "swearing face",
    "\U0001f921": "clown",
    "\U0001f92e": "vomiting face",
    "\U0001f922": "disgusted face",
    "\U0001f47f": "angry devil",
    "\U0001f621": "angry face",
    "\U0001f620": "angry face",
    "\U0001f346": "eggplant",
    "\U0001f4a6": "sweat drops",
    "\U0001f51e": "adults only",
    "\U0001f6bd": "toilet",
    "\U0001f9e0": "brain",
    "\u2639": "sad face",
    "\u263a": "smiling face",
    "\u263b": "smiling face",
    "\u2642": "man",
    "\u2640": "woman",
    "\u2620": "skull and crossbones",
    "\u2764": "red heart",
    "\u2665": "red heart",
    "\u2661": "heart",
    "\u2b50": "star",
    "\u2605": "star",
    "\u2606": "star",
    "\u2713": "check mark",
    "\u2714": "check mark",
    "\u2705": "check mark",
    "\u2717": "cross mark",
    "\u2718": "cross mark",
    "\u2716": "cross mark",
    "\u274c": "cross mark",
    "\u25b6": "play button",
    "\u25c0": "reverse button",
    "\u270a": "raised fist",
    "\u270b": "raised hand",
    "\u270c": "victory hand",
    "\U0001f44a": "fist bump",
    "\U0001f44c": "OK hand",
    "\U0001f44d": "thumbs up",
    "\U0001f44e": "thumbs down",
    "\U0001f44f": "clapping hands",
    "\U0001f450": "open hands",
    "\U0001f602": "tears of joy",
    "\U0001f62d": "crying face",
    "\U0001f60d": "heart eyes",
    "\U0001f60a": "smiling face",
    "\U0001f60b": "yummy face",
    "\U0001f60e": "cool face",
    "\U0001f61b": "playful face",
    "\U0001f61c": "playful face",
    "\U0001f61d": "playful face",
    "\U0001f624": "huffing face",
    "\U0001f62e": "surprised face",
    "\U0001f631": "screaming face",
    "\U0001f637": "face with mask",
    "\U0001f64f": "folded hands",
    "\U0001f64c": "raised hands",
    "\U0001f644": "rolling eyes",
    "\U0001f910": "silent face",
    "\U0001f911": "money face",
    "\U0001f914": "thinking face",
    "\U0001f917": "hug",
    "\U0001f923": "laughing out loud",
    "\U0001f926": "face palm",
    "\U0001f929": "star-struck face",
    "\U0001f92f": "mind blown",
    "\U0001f937": "shrug",
    "\U0001f970": "smiling face with hearts",
    "\U0001f973": "partying face",
    "\U0001f97a": "pleading face",
    "\U0001f971": "yawning face",
    "\U0001f5a4": "black heart",
    "\U0001f90d": "white heart",
    "\U0001f440": "eyes",
    "\U0001f48b": "kiss",
    "\U0001f52b": "water gun",
    "\U0001f4a3": "bomb",
    "\U0001f4af": "one hundred points",
    # Unicode 15 and 16, which Python 3.11 does not know.
    "\U0001fae8": "shaking face",
    "\U0001fa77": "pink heart",
    "\U0001fa75": "light blue heart",
    "\U0001fa76": "gray heart",
    "\U0001faf7": "pushing hand",
    "\U0001faf8": "pushing hand",
    "\U0001face": "moose",
    "\U0001facf": "donkey",
    "\U0001fabd": "wing",
    "\U0001fabf": "goose",
    "\U0001fabc": "jellyfish",
    "\U0001fabb": "hyacinth",
    "\U0001fada": "ginger root",
    "\U0001fadb": "pea pod",
    "\U0001faad": "folding hand fan",
    "\U0001faae": "hair pick",
    "\U0001fa87": "maracas",
    "\U0001fa88": "flute",
    "\U0001faaf": "khanda",
    "\U0001f6dc": "wireless",
    "\U0001fae9": "tired face",
    "\U0001fac6": "fingerprint",
    "\U0001fabe": "leafless tree",
    "\U0001fadc": "root vegetable",
    "\U0001fa89": "harp",
    "\U0001fa8f": "shovel",
    "\U0001fadf": "splatter",
}
