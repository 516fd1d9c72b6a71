"""How a person says that a file is to be read, against what would be detected.

Rows are counted as a spreadsheet counts them: the first of the file is 1, and blank ones count too.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

from mtl_core.registry import InvalidInput, Method, knob

AUTOMATIC, NONE = "automatic", "none"
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
DECIMALS = {"point": ".", "comma": ","}
_ROWS = re.compile(r"[1-9]\d{0,5}(-[1-9]\d{0,5})?")


@dataclass(frozen=True)
class ReadAs(Method):
    """How a file is read, as far as a person says so; the rest is found out."""

    names: str = knob(
        AUTOMATIC,
        "Row with the names of the columns, as 3; two rows that are put together, as 2-3; none where no row has them",
        label="Names of the columns",
    )
    data: int = knob(0, "First row of data, where the names are said; 0 = the one below them", label="Data from", low=0)
    delimiter: str = knob(
        AUTOMATIC, "What stands between cells", label="Between cells", choices=(AUTOMATIC, *SEPARATORS)
    )
    decimal: str = knob(
        AUTOMATIC, "What stands before the decimals of a number", label="Decimal mark", choices=(AUTOMATIC, *DECIMALS)
    )
    encoding: str = knob(AUTOMATIC, "How letters are written, as utf-8 or cp1252", label="Letters")
    sheet: str = knob("", "Sheet of a workbook; empty = the first that holds cells", label="Sheet")
    every_row: bool = knob(
        False,
        "Lines that read like comments between the rows or below them are rows as well",
        label="Keep every row below the names",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.names not in (AUTOMATIC, NONE) and not _ROWS.fullmatch(self.names):
            raise InvalidInput(f"names must be {AUTOMATIC}, {NONE}, a row as 3 or two rows as 2-3; got {self.names!r}")
        rows = self.name_rows
        if len(rows) == 2 and rows[0] >= rows[1]:
            raise InvalidInput(f"two rows of names must stand in their order, as 2-3; got {self.names!r}")
        if self.data and self.names == AUTOMATIC:
            raise InvalidInput(f"data from row {self.data} needs to know where the names are; say names too, as none")
        if self.data and rows and self.data <= rows[-1]:
            raise InvalidInput(f"data must begin below the names in row {rows[-1]}; got row {self.data}")
        if self.encoding != AUTOMATIC and not _is_known(self.encoding):
            raise InvalidInput(f"there is no encoding {self.encoding!r}; one is utf-8, others are cp1252 and gb18030")

    @property
    def name_rows(self) -> tuple[int, ...]:
        """Rows that hold the names, as said; none where there are no names, or where that is found out."""
        return () if self.names in (AUTOMATIC, NONE) else tuple(map(int, self.names.split("-")))

    def changed(self) -> dict[str, Any]:
        """What is said, ready for JSON; nothing where all is found out."""
        return {
            item.name: getattr(self, item.name) for item in self.knobs() if getattr(self, item.name) != item.default
        }

    def in_words(self, letters: bool = False) -> str:
        """What is said, "" where nothing is; letters: with the encoding, which reading a file tells by itself."""
        names = " and ".join(map(str, self.name_rows))
        said = {
            "no row has names": self.names == NONE,
            f"names are in row{'s' if ' ' in names else ''} {names}": bool(names),
            f"data begin in row {self.data}": self.data > 0,
            f"a {self.delimiter} stands between cells": self.delimiter != AUTOMATIC,
            f"numbers have a decimal {self.decimal}": self.decimal != AUTOMATIC,
            f"the sheet is {self.sheet!r}": bool(self.sheet),
            f"letters are {self.encoding}": letters and self.encoding != AUTOMATIC,
            "every row below the names is kept": self.every_row,
        }
        return ", ".join(words for words, true in said.items() if true)


AS_FOUND = ReadAs()


def _is_known(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding)._is_text_encoding
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return False
