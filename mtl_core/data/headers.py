"""What stands above the data of a text table: titles and comments, names in one row or two, units.

A row is told from data by what stands below it: words over a column of numbers are no data.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from mtl_core.data.missing import has_digit, is_mark

Rows = list[list[str]]
COMMENT = re.compile(r"\s*(#|%|//)")
_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True)
class Head:
    """names: of the columns, [] where the table has none. count: rows that hold no data. notes: what was decided.

    rows: which of them hold the names.
    """

    names: list[str]
    count: int
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()


def remarks_before(rows: Rows, told: bool) -> tuple[int, list[str]]:
    """How many rows stand before the table (comments, a title), and a note that says so.

    told: the first row names the separator.
    """
    if not rows:
        return 0, []
    width = Counter(map(len, rows)).most_common(1)[0][0]
    count = next((i for i, row in enumerate(rows) if not _is_remark(row, width)), 0)
    count = max(count, int(told))
    count += _padded_titles(rows[count:], width)
    if count == told:
        return count, []
    return count, [f"What stands before the table was left out as a title or comments ({shown(rows[told])})."]


def find_head(rows: Rows) -> Head:
    """Names and units at the top of a table, which begins with the first of `rows`."""
    if not rows or not _has_names(rows):
        return Head([], 0)
    names, count, notes = rows[0], 1, _doubt(rows)
    if _is_grouped(rows):
        names, example = joined(rows[0], rows[1])
        count = 2
        notes.append(f"Names stand in two rows; they were put together, as in {example!r}.")
    named = list(range(count))
    if _is_units([names, *rows[count:]]):
        notes.append(f"The row {shown(rows[count])} below the names holds no data (units, it seems); it was left out.")
        count += 1
    if _names_first_column([names, *rows[count:]]):
        first = " ".join(rows[count][0].split())
        notes.append(f"A row below the names holds one name alone; the first column is called {first!r}.")
        named.append(count)
        names, count = [first, *names[1:]], count + 1
    return Head(names, count, tuple(notes), tuple(named))


def is_number(cell: str) -> bool:
    """A number with either decimal mark, or a mark for a missing one."""
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return is_mark(cell)
    return True


def shown(row: list[str]) -> str:
    """The cells of a row in quotes, cut where they are long."""
    text = " ".join(" ".join(cell.split()) for cell in row if cell.strip())
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _doubt(rows: Rows) -> list[str]:
    """A note where all columns are texts and half of the names stand below them too."""
    if any(_is_numeric(rows, column) for column in range(len(rows[0]))):
        return []
    said, again = _said_again(rows)
    if 2 * again < said or again < 2:
        return []
    what = f"The first row ({shown(rows[0])}) was read as names, though {again} of its {said} texts also stand below it"
    return [f"{what}; say so if it is data."]


# --- names ------------------------------------------------------------------------------------------------------
def _is_remark(row: list[str], width: int) -> bool:
    full = sum(bool(cell.strip()) for cell in row)
    if COMMENT.match(row[0]):
        return len(row) != width
    return width > 2 and len(row) != width and (full == 1 or _is_summary(row, width))


def _padded_titles(rows: Rows, width: int) -> int:
    """How many titles stand at the top that a spreadsheet filled up with empty cells to the width of the table.

    They say something in its first column alone, and names stand below them. A word over a later column is a name that
    stands over several.
    """
    if not rows or len(_filled(rows[0])) != 1 or len(rows[0]) != width:
        return 0
    begin = min(_filled(row)[0] for row in rows)
    padded = [len(row) == width and _filled(row) == [begin] for row in rows]
    count = next((i for i, row in enumerate(rows) if not padded[i] and not _is_remark(row, width)), 0)
    title, below = rows[0][begin], rows[count:]
    if not count or is_number(title) or len(below) < 2:
        return 0
    over_numbers = any(_is_numeric(below[1:], i) for i in range(width))  # the second row may hold units
    sure = over_numbers or (width > 2 and (count > 1 or len(title.split()) > 1))
    return count if sure and _are_words(below) and _has_names(below) else 0


def _are_words(rows: Rows) -> bool:
    """The first row holds no number, unless it is a year among names."""
    return not any(is_number(rows[0][i]) for i in _filled(rows[0])) or _are_years(rows)


def _filled(row: list[str]) -> list[int]:
    """Columns in which a row says something."""
    return [i for i, cell in enumerate(row) if cell.strip()]


def _is_summary(row: list[str], width: int) -> bool:
    """A short row with numbers (178,13,class_0): it tells of the table and names none of its columns."""
    return 2 * len(row) <= width and any(is_number(cell) for cell in row if cell.strip())


def _has_names(rows: Rows) -> bool:
    """Names are what differs from the cells below: no numbers over columns of numbers."""
    first = rows[0]
    if all(is_number(cell) for cell in first if cell.strip()):
        return _are_years(rows)
    below = [column for column in range(len(first)) if _is_numeric(rows, column)]
    numbers = [column for column in below if first[column].strip() and is_number(first[column])]
    if not below:
        return not _is_like_below(rows)
    return len(numbers) < len(below) or _are_years(rows)


def _is_like_below(rows: Rows) -> bool:
    """Texts over texts: nearly all that the first row says, many rows below say too, each in its column."""
    said, again = _said_again(rows)
    return len(rows) > 20 and said > 1 and again >= 0.8 * said


def _said_again(rows: Rows) -> tuple[int, int]:
    """How many cells of the first row hold a text, and how many of these stand below in their column, twice or more."""
    said = [i for i, cell in enumerate(rows[0]) if cell.strip()]
    below = [Counter(row[i].strip() for row in rows[1:] if i < len(row)) for i in said]
    return len(said), sum(counts[rows[0][i].strip()] > 1 for i, counts in zip(said, below, strict=True))


def _is_numeric(rows: Rows, column: int) -> bool:
    """Every known cell below the first row is a number, and there is one."""
    cells = [row[column] for row in rows[1:] if column < len(row)]
    return all(map(is_number, cells)) and not all(map(is_mark, cells))


def _are_years(rows: Rows) -> bool:
    """The numbers among the names are different years in order, and the cells below them are not."""
    years = [(i, cell.strip()) for i, cell in enumerate(rows[0]) if cell.strip() and is_number(cell)]
    texts = [text for _, text in years]
    if len(years) < 2 or not all(map(_YEAR.fullmatch, texts)) or texts != sorted(set(texts)):
        return False
    return not any(_YEAR.fullmatch(row[i].strip()) for row in rows[1:] for i, _ in years if i < len(row))


def _is_units(rows: Rows) -> bool:
    """A second row of words over columns that are otherwise all numbers."""
    if len(rows) < 5:
        return False
    below = _numeric_below(rows)
    words = [column for column in below if not is_number(rows[1][column])]
    return len(words) > 1 and 2 * len(words) >= len(below)


def _is_grouped(rows: Rows) -> bool:
    """A first row that stands over several names of the second, with gaps or the same word again."""
    if len(rows) < 4 or len(rows[0]) > len(rows[1]):
        return False
    first, second = _padded(rows[0], len(rows[1])), rows[1]
    begin = next((i for i, cell in enumerate(first) if cell.strip()), len(first))
    inside = range(begin + 1, len(first))
    gaps = [i for i in inside if second[i].strip() and first[i].strip() in ("", first[i - 1].strip())]
    below = _numeric_below(rows) or _numeric_below([first, second, *rows[3:]])  # the third may hold units
    named = [i for i in below if not is_number(second[i]) or _is_year_over_others(rows, i)]
    unique = len(set(joined(first, second)[0])) == len(first)
    return bool(gaps) and unique and len(named) > 1 and 2 * len(named) >= len(below)


def _is_year_over_others(rows: Rows, column: int) -> bool:
    below = [row[column].strip() for row in rows[2:] if column < len(row)]
    return _YEAR.fullmatch(rows[1][column].strip()) is not None and not any(map(_YEAR.fullmatch, below))


def joined(first: list[str], second: list[str]) -> tuple[list[str], str]:
    """Names made of two rows, and one that has a part of each."""
    names, above, example = [], "", ""
    for upper, lower in zip(_padded(first, len(second)), second, strict=True):
        above = " ".join(upper.split()) or above
        own = " ".join(lower.split())
        name = f"{above} {own}".strip() if own else " ".join(upper.split())
        example = example or (name if own and above else "")
        names.append(name)
    return names, example


def _names_first_column(rows: Rows) -> bool:
    """Below the names a row with a word in its first cell alone, over numbers or dates (pandas writes such files)."""
    if len(rows) < 4 or len(rows[0]) < 2:
        return False
    only, below = rows[1], [row[0] for row in rows[2:] if row]
    alone = bool(only[0].strip()) and not any(cell.strip() for cell in only[1:]) and not has_digit(only[0])
    full = all(any(cell.strip() for cell in row[1:]) for row in rows[2:5])
    return alone and full and not is_mark(only[0]) and all(map(has_digit, below))


def _numeric_below(rows: Rows) -> list[int]:
    """Columns that are all numbers below the second row."""
    return [column for column in range(min(len(rows[0]), len(rows[1]))) if _is_numeric(rows[1:], column)]


def _padded(row: list[str], width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))]
