"""In which encoding a text is written; where that is in doubt, every candidate with a sample of how it would read."""

from __future__ import annotations

import codecs
import re
from itertools import islice

PAIRED, SINGLE = ["gb18030", "cp1252"], ["cp1252", "cp1251"]
"""Encodings that are weighed against each other: Chinese text has its high bytes in pairs, Western text seldom."""
CHOICES = ("utf-8", "gb18030", "cp1252", "latin_1", "cp1251", "utf-16")
"""Encodings that a person can choose."""
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
BEFORE, AROUND = 20, 60
"""Bytes of a sample before and after its first sign beyond ASCII."""
_ODD_LINES = 500


def detect(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The encoding, and the others that are plausible too (empty when there is no doubt).

    The byte-order mark's, else UTF-8 if that fits, else the first that charset-normalizer finds plausible.
    """
    for mark, name in _BOMS.items():
        if content.startswith(mark):
            return name, ()
    if wide := _without_mark(content):
        return wide, ()
    if decodes(content, "utf-8"):
        return "utf-8", ()
    from charset_normalizer import from_bytes

    text = b"\n".join(odd_lines(content))
    paired = all(len(run) % 2 == 0 for run in re.findall(rb"[\x80-\xff]+", text))
    wanted = PAIRED if paired else SINGLE
    plausible = {name for match in from_bytes(text, cp_isolation=wanted) for name in match.could_be_from_charset}
    able = [name for name in wanted if name in plausible and decodes(content, name)]
    found = able[0] if able else "latin_1"
    return found, tuple(name for name in ("gb18030", "cp1252", "cp1251") if _differs(content, name, found, text))


def samples(content: bytes, names: tuple[str, ...]) -> dict[str, str]:
    """How the text around the first sign beyond ASCII reads in each of these encodings."""
    line = next(iter(odd_lines(content)), b"")
    first = next((i for i, sign in enumerate(line) if sign > 0x7F), 0)  # what stands before it is ASCII in all of them
    line = line[max(first - BEFORE, 0) : first + AROUND]
    return {name: line.decode(name, errors="replace") for name in names}


def odd_lines(content: bytes) -> list[bytes]:
    """The first lines that are not plain ASCII: they alone tell encodings apart."""
    lines = (found[0] for found in re.finditer(rb"[^\r\n]+", content))  # lazily: a large file has millions
    return list(islice((line for line in lines if not line.isascii()), _ODD_LINES))


def _differs(content: bytes, name: str, found: str, text: bytes) -> bool:
    """Another encoding fits the whole file and gives other letters."""
    return name != found and decodes(content, name) and text.decode(name, "replace") != text.decode(found, "replace")


def decodes(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), 1 << 20):
            decoder.decode(content[start : start + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _without_mark(content: bytes) -> str:
    """UTF-16 whose byte-order mark is lost: in the separators and digits of a table every other byte is zero."""
    head = content[:4000]
    if len(head) < 8 or len(content) % 2 or b"\0" not in head:
        return ""
    even, odd = head[::2].count(0) / (len(head) / 2), head[1::2].count(0) / (len(head) / 2)
    name = "utf-16-le" if odd > 0.2 and even < 0.01 else "utf-16-be" if even > 0.2 and odd < 0.01 else ""
    return name if name and decodes(content, name) else ""
