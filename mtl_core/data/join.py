"""Two tables joined on a key: each may label another task, or one may say more about the rows of the other."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mtl_core.data.columns import as_text, short
from mtl_core.registry import InvalidInput, hint


@dataclass(frozen=True)
class Joined:
    """The table of both, and sentences about what matched and what was renamed."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def keys(first: pd.DataFrame, second: pd.DataFrame) -> tuple[str, ...]:
    """Columns of both tables that could join them, the most telling first: different in most rows of one of them."""
    common = [str(name) for name in first.columns if name in second.columns]
    alike = [name for name in common if set(as_text(first[name]).dropna()) & set(as_text(second[name]).dropna())]
    telling = {name: max(_distinct(first[name]), _distinct(second[name])) for name in alike}
    return tuple(sorted(alike, key=lambda name: -telling[name]))


def joined(first: pd.DataFrame, second: pd.DataFrame, key: str, names: tuple[str, str]) -> Joined:
    """The rows of both tables beside each other where the key is the same.

    Where each key stands once in both, rows that only one has stay, with empty cells; where one table has several
    rows of a key, its rows stay and the other says more about them. names: of the two tables, for sentences.
    Raises `InvalidInput` when both have several rows of a key, or when nothing matches.
    """
    tables = [_keyed(frame, key, name) for frame, name in zip((first, second), names, strict=True)]
    several = [table[key].duplicated() for table in tables]
    if all(each.any() for each in several):
        twice = tables[0][key][several[0]].iloc[0]
        raise InvalidInput(
            f"both tables have several rows with the same {key!r}, for instance {short(twice)!r} in {names[0]}, so it "
            "is not clear which rows belong together; choose another key or leave one row for each"
        )
    how: Literal["left", "right", "outer"] = "left" if several[0].any() else "right" if several[1].any() else "outer"
    matched = [table[key].isin(other[key]) for table, other in (tables, tables[::-1])]
    if not matched[0].any():
        raise InvalidInput(f"no {key!r} of {names[1]} is in {names[0]}, so nothing can be joined; choose another key")
    tables, agreeing, renamed = _told_apart(tables, key, names)
    frame = tables[0].merge(tables[1], on=key, how=how, suffixes=("", "\0"), sort=False)
    for name in agreeing:
        frame[name] = frame[name].where(frame[name].notna(), frame[f"{name}\0"])
    frame = frame.drop(columns=[f"{name}\0" for name in agreeing])
    if all(pd.api.types.is_numeric_dtype(table[key]) for table in (first, second)):
        frame[key] = pd.to_numeric(frame[key])
    return Joined(frame, (*_matches(matched, how, key, names), *renamed))


def as_parquet(frame: pd.DataFrame) -> bytes:
    """A table as the bytes of a file that keeps its types."""
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def _keyed(frame: pd.DataFrame, key: str, name: str) -> pd.DataFrame:
    """The rows that have a key, and the key as text: 7 in one table may be "7" in the other."""
    if key not in frame.columns:
        raise InvalidInput(f"{name} has no column {key!r} to join on{hint(key, [str(each) for each in frame.columns])}")
    frame = frame.assign(**{key: as_text(frame[key])})
    return frame[frame[key].notna()].reset_index(drop=True)


def _told_apart(
    tables: list[pd.DataFrame], key: str, names: tuple[str, str]
) -> tuple[list[pd.DataFrame], list[str], list[str]]:
    """Columns that both tables have: those that agree where both know a value are one, the others get another name."""
    first, second = tables
    common = [str(name) for name in first.columns if name in second.columns and name != key]
    both = first.merge(second, on=key, suffixes=("", "\0"))
    agreeing = [name for name in common if _agree(both[name], both[f"{name}\0"])]
    other = {name: f"{name} ({names[1]})" for name in common if name not in agreeing}
    notes = [
        f"Column {short(name)!r} differs between the two tables; that of {names[1]} is called {short(new)!r}."
        for name, new in other.items()
    ]
    return [first, second.rename(columns=other)], agreeing, notes


def _agree(a: pd.Series, b: pd.Series) -> bool:
    known = (a.notna() & b.notna()).to_numpy()
    return bool((as_text(a)[known] == as_text(b)[known]).all())


def _matches(matched: list[pd.Series], how: str, key: str, names: tuple[str, str]) -> list[str]:
    """How many rows found each other, and what became of the rest."""
    notes = [f"Joined on {key!r}: {matched[0].sum():,} of {len(matched[0]):,} rows of {names[0]} match {names[1]}."]
    for here, keeps, name in zip(matched, ("right", "left"), names, strict=True):
        if rest := int((~here).sum()):
            went = "left out" if how == keeps else "kept, with empty cells for what the other table says"
            notes.append(
                f"{'1 row' if rest == 1 else f'{rest:,} rows'} of {name} {'has' if rest == 1 else 'have'} "
                f"no match; {'it is' if rest == 1 else 'they are'} {went}."
            )
    return notes


def _distinct(column: pd.Series) -> float:
    return float(column.nunique() / max(len(column), 1))
