"""An SQL script of thousands of statements, the same every time: a small shop's ledger, notes and events, on a file.

None of them fails, and none needs more of SQLite than its shell has built in.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
SYLLABLES = "ba ke lo mi nu ra se ti vo zu dal fen gor hil jun".split()


def script(rounds: int = 80) -> str:
    """The whole script; a round has more than twenty statements."""
    first, questions, last = _sections()
    some = random.Random(5)
    statements = [*first, *_stock(some)]
    for n in range(rounds):
        statements += _round(n, questions, some)
    return "".join(f"{s};\n" for s in (*statements, *last))


def _sections() -> Iterator[list[str]]:
    """What stands between comments, a statement a line."""
    _, *sections = re.split("^--.*\n", (HERE / "shop.sql").read_text(), flags=re.MULTILINE)
    return (section.splitlines() for section in sections)


def _word(some: random.Random) -> str:
    return "".join(some.choices(SYLLABLES, k=2))


def _stock(some: random.Random) -> Iterator[str]:
    yield "BEGIN"
    for n in range(1, 41):
        yield f"INSERT INTO customer(id, name, town) VALUES({n}, '{_word(some)}{n}', 'town {some.randrange(7)}')"
    for n in range(1, 31):
        tags = json.dumps({"list": [some.randrange(10) for _ in range(some.randrange(4))], "w": _word(some)})
        yield f"INSERT INTO product VALUES({n}, '{_word(some)}', {some.randrange(1, 900)}, 1000, '{tags}')"
    yield "COMMIT"


def _round(n: int, questions: Sequence[str], some: random.Random) -> Iterator[str]:
    day = f"date('2023-01-01', '+{n} days')"
    customers = some.sample(range(1, 41), 4)
    yield some.choice(("BEGIN", "BEGIN IMMEDIATE"))
    for which, customer in enumerate(customers):
        yield f"INSERT INTO sale VALUES({n * 4 + which + 1}, {customer}, {day})"
        some_items = ", ".join(
            f"({n * 4 + which + 1}, {p}, {some.randrange(1, 6)})" for p in sorted(some.sample(range(1, 31), 3))
        )
        yield f"INSERT INTO item VALUES{some_items}"
    words = " ".join(_word(some) for _ in range(12))
    yield f"INSERT INTO note VALUES('{_word(some)} {n}', '{words}')"
    yield "SAVEPOINT trial"
    owed = f"(SELECT total FROM bill WHERE bill.id = {n * 4 + 1}) % 1000"
    yield f"UPDATE customer SET credit = credit - {owed} WHERE id = {customers[0]}"
    yield f"DELETE FROM item WHERE sale = {n * 4 + 2}"
    yield some.choice(("RELEASE trial", "ROLLBACK TO trial"))
    rows = f"('{_word(some)}', 1), ('round', {n})"
    yield f"INSERT INTO tally VALUES{rows} ON CONFLICT(key) DO UPDATE SET n = n + excluded.n"
    yield some.choice(("COMMIT", "COMMIT", "COMMIT", "ROLLBACK"))
    for question in some.sample(questions, 7):
        yield question.format(
            a=some.randrange(1, 30), b=some.randrange(20, 200), c=some.randrange(10), word=_word(some)
        )
    yield f"UPDATE note SET body = body || ' {_word(some)}' WHERE rowid % 11 = {n % 11}"
    yield f"UPDATE product SET price = price + 1 WHERE id % 9 = {n % 9} RETURNING id, price"
    yield f"INSERT OR REPLACE INTO event VALUES({n * 3 + 1}, 'round', json_object('kind', 'round', 'n', {n}))"
    yield f"DELETE FROM event WHERE what = 'sold' AND id % 5 = {n % 5}"
