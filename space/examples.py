"""Examples of the page, our own and mild or masked."""

from __future__ import annotations

from .tables import Table

# Label of the button, source, rewrites one per line.
PAIRS: list[tuple[str, str, str]] = [
    (
        "A good rewrite",
        "Shut up, you d*mn fool, the meeting starts at ten.",
        "Please be quiet, the meeting starts at ten.",
    ),
    (
        "Swear word deleted",
        "Who let this stupid idiot near the oven again?",
        "Who let this near the oven again?",
    ),
    (
        "Meaning lost",
        "This cr*ppy train is an hour late again, you clowns.",
        "The flowers are nice in spring.",
    ),
    (
        "Broken English",
        "Your idiotic plan will cost us the garden.",
        "Your plan is will costs us the the garden for.",
    ),
    (
        "Four rewrites, ranked",
        "Your painting looks like a drunk pig made it.",
        (
            "I do not like your painting.\n"
            "Your painting looks like a pig made it.\n"
            "In my view, your painting looks careless.\n"
            "Painting looks like made it."
        ),
    ),
]

_SOURCES = [
    "Shut up, you d*mn fool, the meeting starts at ten.",
    "Your painting looks like a drunk pig made it.",
    "Who let this idiot near the oven?",
    "This cr*ppy train is late again.",
    "Nobody wants your stupid advice about my bike.",
    "Your idiotic plan will cost us the garden.",
    "What a pathetic excuse for a soup.",
    "Get your filthy shoes off my couch, moron.",
    "Only a clown would buy that ugly lamp.",
    "You are too dumb to read a map.",
    "Stop whining and finish the d*mn report.",
    "That lazy fool forgot the keys again.",
]
_CAREFUL = [
    "Please be quiet, the meeting starts at ten.",
    "I do not like your painting.",
    "Who let this person near the oven?",
    "This train is late again.",
    "I do not want advice about my bike.",
    "Your plan will cost us the garden.",
    "This is not a good soup.",
    "Please take your shoes off my couch.",
    "I would not buy that lamp.",
    "You have trouble reading a map.",
    "Please stop complaining and finish the report.",
    "He forgot the keys again.",
]
_DELETING = [
    "Shut up, you, the meeting starts at ten.",
    "Your painting looks like a made it.",
    "Who let this near the oven?",
    "This train is late again.",
    "Nobody wants your advice about my bike.",
    "Your plan will cost us the garden.",
    "What a excuse for a soup.",
    "Get your shoes off my couch.",
    "Only a would buy that lamp.",
    "You are too to read a map.",
    "Stop and finish the report.",
    "That forgot the keys again.",
]


def example_table() -> Table:
    """Return twelve sources and the rewrites of three systems, one of which copies."""
    headers = ["source", "careful", "deleting", "copying"]
    rows = [
        list(row) for row in zip(_SOURCES, _CAREFUL, _DELETING, _SOURCES, strict=True)
    ]
    return Table(headers, rows)
