"""Fills a database with generated data: many LoRAs with names in several scripts, many people with bookmarks.

Rows are written in bulk, in the form that `bot.database` writes them one by one.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.database.bookmarks.bookmarks import owner_word
from bot.database.loras.index import USABLE, base_facet, category_facet, tag_facet
from bot.database.search import described, indexed, name_key, together, typo_keys, whole, words_of
from inference.lora.beside.categories import Category

HEAVY = 20  # people who collect; they come first
BASES = ["sdxl/illustrious", "sdxl/pony", "sd1/base", "sdxl/base", "flux1/dev", "sdxl/noobai", "wan/base", "demo/vivid"]
_BASE_WEIGHTS = [38, 24, 13, 11, 8, 4, 1.9, 0.1]
_CATEGORY_WEIGHTS = [52, 24, 7, 8, 9]
STYLE_WORDS = """
    style anime realistic watercolour detail pose lighting dynamic photo film retro neon pastel manga oil sketch ink
    comic cyber fantasy dark soft cute chibi mecha armor dress hair eyes hands sitting running city forest ocean night
    rain snow flower dragon cat fox wolf concept outfit uniform background slider enhancer
""".split()  # noqa: SIM905 - read as a text
TAGS = ["lighting", "camera", "photography", "colour grading", "film grain", "lens", "night", "studio"]
_SYLLABLES = """
    ka ko mi mo ri ru ta to na ne shi sa yu yo ha hi el ar is va lor den mar vel zan tha qui bra fen gil hol jun kir
""".split()  # noqa: SIM905 - read as a text
_SCRIPTS = {
    "kana": "カキクケコサシスセソタナニヌネノハヒフヘホマミムメモヤユヨラリルレロワアイウエオ",
    "han": "山川月星花鳥雪風雨雷火水木金土空海森林夜光影剣龍虎狐狼猫姫王華蝶桜葉石玉",
    "cyrillic": "абвгдежзиклмнопрстуфхцчшыэюя",
}


@dataclass(frozen=True)
class Size:
    """How much there is of everything."""

    loras: int
    bookmarks: int
    people: int

    @property
    def heavy_bookmarks(self) -> int:
        """The bookmarks of each of those who collect."""
        return self.bookmarks // 200


LARGE = Size(loras=100_000, bookmarks=1_000_000, people=10_000)
SMALL = Size(loras=5_000, bookmarks=50_000, people=500)


@dataclass
class Crowd:
    """What was made: for each LoRA, in the order of ids, its name and its trigger words."""

    size: Size
    known: list[list[str]] = field(default_factory=list[list[str]])
    _words: list[str] = field(default_factory=list[str])

    def called(self, lora_id: int) -> list[str]:
        """Name and trigger words, as they are compared."""
        return [together(text) for text in self.known[lora_id - 1]]

    def note(self, rng: random.Random) -> str:
        """Some words a person might write."""
        return " ".join(self.word(rng) for _ in range(rng.randint(1, 8)))

    def word(self, rng: random.Random) -> str:
        """A word of a text, a common one more often."""
        self._words = self._words or [*STYLE_WORDS, *(_coined(random.Random(n), 2, 3) for n in range(3000))]
        return self._words[_skewed(rng, len(self._words))]


def typo(rng: random.Random, text: str) -> str:
    """`text` with one character replaced, added, left out or exchanged with its neighbour."""
    if len(text) < 2:
        return text
    at = rng.randrange(len(text) - 1)
    other = rng.choice(text)
    return rng.choice(
        (
            text[:at] + other + text[at + 1 :],
            text[:at] + other + text[at:],
            text[:at] + text[at + 1 :],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        )
    )


def fill(path: Path, size: Size) -> Crowd:
    """Fill the empty, migrated database at `path`."""
    rng = random.Random(7)
    crowd = Crowd(size)
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN;")
    _fill_loras(database, crowd, rng)
    _fill_people(database, crowd, rng)
    database.executescript("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);")
    database.close()
    return crowd


def _coined(rng: random.Random, least: int, most: int) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(least, most)))


def _skewed(rng: random.Random, count: int) -> int:
    """An index below `count`, small ones much more often."""
    return min(int(rng.paretovariate(0.7)) - 1, count - 1) if rng.random() < 0.9 else rng.randrange(count)


def _name(rng: random.Random, category: str) -> tuple[str, list[str]]:
    """A name and its trigger words, one in eight in another script than ours."""
    style = STYLE_WORDS[_skewed(rng, len(STYLE_WORDS))]
    if rng.random() < 0.125:
        letters = _SCRIPTS[rng.choice(list(_SCRIPTS))]
        name = "".join(rng.choice(letters) for _ in range(rng.randint(3, 7)))
        return name, [name[: rng.randint(2, len(name))]]
    if category == Category.CHARACTER:
        given, family = _coined(rng, 2, 3), _coined(rng, 1, 3)
        return f"{given.title()} {family.title()} ({_coined(rng, 2, 3).title()})", [f"{given}_{family}", style]
    name = f"{style.title()} {STYLE_WORDS[_skewed(rng, len(STYLE_WORDS))]} {_coined(rng, 1, 3)}"
    return name, [f"{style} {_coined(rng, 2, 3)}"]


def _fill_loras(database: sqlite3.Connection, crowd: Crowd, rng: random.Random) -> None:
    words: dict[str, int] = {}
    rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERTS}
    for lora_id in range(1, crowd.size.loras + 1):
        category = rng.choices(list(Category), _CATEGORY_WEIGHTS)[0]
        name, triggers = _name(rng, category)
        crowd.known.append([name, *triggers])
        description = " ".join(crowd.word(rng) for _ in range(rng.randint(0, 60)))
        bases = list(dict.fromkeys(rng.choices(BASES, _BASE_WEIGHTS, k=rng.choice((1, 1, 1, 2)))))
        tags = rng.sample(TAGS, rng.randint(0, 2)) if category == Category.OTHER else []
        uses, ratings = _skewed(rng, 20_000), _skewed(rng, 300)
        stars = sum(rng.choice((2, 3, 4, 4, 5, 5)) for _ in range(min(ratings, 50))) * max(1, ratings // 50)
        rows["lora"].append(
            (lora_id, name, f"{name_key(name)} {lora_id}", category, description, lora_id, uses,
             2900 + rng.random() * 30 if uses else 0.0, stars, min(ratings, 50) * max(1, ratings // 50))
        )  # fmt: skip
        for base in bases:
            version = len(rows["lora_version"]) + 1
            rows["lora_version"].append((version, lora_id, f"{version:064x}", name, f"{version}.safetensors", base))
            rows["trigger_word"] += [(version, place, word) for place, word in enumerate(triggers)]
        rows["lora_tag"] += [(category, tag, lora_id) for tag in tags]
        facets = [USABLE, category_facet(category), *map(tag_facet, tags), *map(base_facet, bases)]
        called = [name, *triggers]
        wholes = [together(text) for text in called]
        texts = [indexed(name), " ".join(map(indexed, triggers)), " ".join(map(whole, wholes)), described(description)]
        rows["lora_text"].append((lora_id, *texts, " ".join(facets)))
        rows["lora_name"].append((lora_id, name))
        for word in itertools.chain(wholes, *map(words_of, called)):
            words.setdefault(word, len(words) + 1)
        other = _skewed(rng, crowd.size.loras) + 1
        rows["lora_pair"] += [(lora_id, other, rng.randint(1, 50))] if other != lora_id else []
    rows["word"] = [(number, word) for word, number in words.items()]
    rows["word_key"] = sorted((key, number) for word, number in words.items() for key in typo_keys(word))
    for table, sql in _INSERTS.items():
        database.executemany(sql, rows[table])


_INSERTS = {
    "lora": """INSERT INTO lora (id, name, name_key, category, description, created_at, uses, trend, stars, ratings,
        indexed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)""",
    "lora_version": """INSERT INTO lora_version (id, lora_id, sha256, name, path, base_model, found, evidence,
        created_at)
        VALUES (?, ?, ?, ?, ?, ?, '{"path": "x", "stamp": {"size": 1, "mtime_ns": 1}}', 'SIDECAR', 1)""",
    "trigger_word": "INSERT INTO trigger_word (version_id, position, word) VALUES (?, ?, ?)",
    "lora_tag": "INSERT INTO lora_tag (category, tag, lora_id) VALUES (?, ?, ?)",
    "lora_text": """INSERT INTO lora_text (rowid, name, trigger_words, whole, description, facets)
        VALUES (?, ?, ?, ?, ?, ?)""",
    "lora_name": "INSERT INTO lora_name (rowid, name) VALUES (?, ?)",
    "word": "INSERT INTO word (id, word) VALUES (?, ?)",
    "word_key": "INSERT INTO word_key (key, word_id) VALUES (?, ?)",
    "lora_pair": "INSERT INTO lora_pair (lora_id, other_id, uses) VALUES (?, ?, ?)",
}


def _bookmarks(crowd: Crowd, rng: random.Random) -> Iterator[tuple[int, int, int, str, int, int]]:
    """(id, person, LoRA, note, time, uses), popular LoRAs much more often; one bookmark in three has a note."""
    size = crowd.size
    counts = [size.heavy_bookmarks] * HEAVY
    weights = [rng.lognormvariate(0, 1) for _ in range(size.people - HEAVY)]
    left = size.bookmarks - sum(counts)
    counts += [int(left * weight / sum(weights)) for weight in weights]
    counts[-1] += size.bookmarks - sum(counts)
    number = itertools.count(1)
    for person, count in enumerate(counts, 1):
        saved: set[int] = set()
        while len(saved) < count:
            saved.add(int(size.loras * rng.random() ** 3) + 1)
        for time, lora_id in enumerate(saved):
            note = crowd.note(rng) if rng.random() < 0.33 else ""
            yield next(number), person, lora_id, note, time * 1000, _skewed(rng, 200)


def _fill_people(database: sqlite3.Connection, crowd: Crowd, rng: random.Random) -> None:
    people = ((number,) for number in range(1, crowd.size.people + 1))
    database.executemany("INSERT INTO person (id, created_at) VALUES (?, 1)", people)
    bookmarks = list(_bookmarks(crowd, rng))
    database.executemany(
        "INSERT INTO bookmark (id, person_id, lora_id, note, created_at, uses) VALUES (?, ?, ?, ?, ?, ?)", bookmarks
    )
    notes = ((number, owner_word(person), indexed(note)) for number, person, _, note, *_ in bookmarks if note)
    database.executemany("INSERT INTO bookmark_text (rowid, owner, note) VALUES (?, ?, ?)", notes)
