"""Hostile files that are large, or claim to be: refused or read in bounded memory, each in a process of its own."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

PEAK_MB = 900
"""Above what the program itself takes: the file, what it unpacks to, and its cells."""
READ = """
import resource, sys
from pathlib import Path
import mtl_core.data.table
from mtl_core.data.doctor import diagnose
from mtl_core.data.recipe import guess_recipe
from mtl_core.data.reading import read_table
from mtl_core.registry import InvalidInput
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
path = Path(sys.argv[1])
read_table(b"a,b\\n1,2\\n2,3\\n", "t.csv")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    frame, _ = read_table(path, path.name)
    diagnose(frame, guess_recipe(frame))
    print(f"read {frame.shape}")
except InvalidInput as problem:
    print(problem)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def zeros(size_mb: int) -> bytes:
    return gzip.compress(bytes(10**6), 1) * size_mb


def archive(size_mb: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("a.csv", "w") as member:
        for _ in range(size_mb):
            member.write(bytes(10**6))
    return out.getvalue()


def lying_archive() -> bytes:
    """Its directory says that a file of 600 MB has 10 bytes."""
    content = archive(600)
    size = (600 * 10**6).to_bytes(4, "little")
    return content.replace(size, (10).to_bytes(4, "little"))


def said_many_times() -> bytes:
    """One text of 100 kB, said 200,000 times by a dictionary: 20 GB of cells in a small file."""
    out = io.BytesIO()
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 200_000), ["x" * 100_000])
    parquet.write_table(pyarrow.table({"a": column, "b": range(200_000)}), out)
    return out.getvalue()


def wide() -> bytes:
    return b",".join(b"c%d" % i for i in range(10_000)) + b"\n" + (b",".join([b"1"] * 10_000) + b"\n") * 20


FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "one 50 MB cell": ("t.csv", lambda: b"a,b,c\n" + b"1,2,3\n" * 20 + b"4," + b"x" * 50_000_000 + b",5\n", ""),
    "one 50 MB cell in quotes": (
        "t.csv",
        lambda: b"a,b,c\n" + b"1,2,3\n" * 20 + b'4,"' + b"x,\n" * 17_000_000 + b'",5\n' + b"1,2,3\n" * 20,
        "",
    ),
    "a first cell of 50 MB": ("t.csv", lambda: b"x" * 50_000_000 + b",b\n1,2\n", "first line of more than 256 kB"),
    "10,000 columns": ("t.csv", wide, "10000 columns; at most 2000"),
    "a million blank lines": ("t.csv", lambda: b"a,b\n1,2\n" + b"\n" * 10**6 + b"3,4\n", "read (2, 2)"),
    "50 MB of separators": ("t.csv", lambda: b"a,b\n" + b"," * 50_000_000, "line 2 has more cells than the header"),
    "50 MB of separators later": ("t.csv", lambda: b"a,b\n" + b"1,2\n" * 9 + b"," * 50_000_000, "line 11 has"),
    "50 MB of quotation marks": ("t.csv", lambda: b"a,b\n" + b'"' * 50_000_001, ""),
    "a gzip bomb of zeros": ("t.gz", lambda: zeros(3000), "unpacks to more than 500 MB"),
    "a zip bomb of zeros": ("t.zip", lambda: archive(600), "unpacks to more than 500 MB"),
    "a zip that lies": ("t.zip", lying_archive, ""),
    "a dictionary bomb": ("t.parquet", said_many_times, "unpacks to more than"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_memory_stays_bounded(name: str, tmp_path: Path) -> None:
    filename, make, answer = FILES[name]
    path = tmp_path / filename
    path.write_bytes(make())
    told = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    sentence, peak = told.stdout.rstrip("\n").rsplit("\n", 1)
    assert answer in sentence
    assert sentence.startswith(("read ", filename))
    assert len(sentence.splitlines()) == 1
    assert int(peak) < PEAK_MB
