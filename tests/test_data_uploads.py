"""Uploads belong to whom uploaded them, are deleted by them alone, and expire."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from mtl_core.data import upload_folders
from mtl_core.data.recipe import Recipe
from mtl_core.data.table import CsvFile, Upload
from mtl_core.data.upload_folders import DAY, delete_upload, expire_daily, expire_uploads, uploads_of
from mtl_core.data.uploads import load_original, load_upload, store_upload, use_upload
from mtl_core.registry import InvalidInput

CONTENT = b"country,x,y\n" + b"".join(b"%s,%d,%d\n" % (b"NA" if i % 3 else b"DE", i, i * i) for i in range(30))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTL_LAB_HOME", str(tmp_path))
    return tmp_path / "uploads"


def age(home: Path, fingerprint: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(home / fingerprint / "reading.json", (then, then))


def test_an_upload_is_listed_for_its_owner_alone(home: Path) -> None:
    mine, other = store_upload(CONTENT, "a.csv", owner="ann"), store_upload(CONTENT + b"FR,1,1\n", "b.csv", owner="bob")
    assert [each.fingerprint for each in uploads_of("ann")] == [mine]
    (table,) = uploads_of("bob")
    assert (table.fingerprint, table.reading.filename) == (other, "b.csv")
    assert table.size > len(CONTENT)
    assert uploads_of("eve") == []


def test_a_file_that_two_people_uploaded_is_gone_when_both_have_deleted_it(home: Path) -> None:
    found = {store_upload(CONTENT, "a.csv", owner=owner) for owner in ("ann", "bob", "ann")}
    (fingerprint,) = found
    with pytest.raises(InvalidInput, match="belongs to somebody else"):
        delete_upload(fingerprint, "eve")
    delete_upload(fingerprint, "ann")
    assert uploads_of("ann") == []
    assert load_upload(fingerprint)[0].shape == (30, 3)
    delete_upload(fingerprint, "bob")
    assert not list(home.iterdir())
    with pytest.raises(InvalidInput, match="there is no upload"):
        load_upload(fingerprint)


def test_what_nobody_reads_expires_and_what_is_read_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, read, new = (store_upload(CONTENT + b"DE,%d,1\n" % i, "a.csv", owner="ann") for i in range(3))
    for each in (old, read):
        age(home, each, 89)
    assert expire_uploads() == 0
    use_upload(read)
    age(home, old, 91)
    assert expire_uploads() == 1
    assert {each.fingerprint for each in uploads_of("ann")} == {read, new}
    assert all(each.expires > time.time() + 89 * DAY for each in uploads_of("ann"))
    monkeypatch.setenv("MTL_LAB_UPLOAD_DAYS", "1")
    age(home, new, 2)
    assert expire_uploads() == 1


def test_old_tables_go_once_a_day_while_the_lab_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_folders, "_expired", 0.0)
    now = time.time()
    assert expire_daily(now)
    old = store_upload(CONTENT, "a.csv", owner="ann")
    age(home, old, 91)
    assert not expire_daily(now + DAY / 2)
    assert (home / old).is_dir()
    assert expire_daily(now + DAY + 1)
    assert not (home / old).is_dir()


def test_what_an_interrupted_upload_left_is_cleared_away(home: Path) -> None:
    store_upload(CONTENT, "a.csv")
    (home / "draft-1").mkdir()
    (home / "draft-2").mkdir()
    os.utime(home / "draft-1", (0, 0))
    expire_uploads()
    assert sorted(path.name for path in home.glob("draft-*")) == ["draft-2"]


def test_one_file_uploaded_by_many_at_once_is_kept_once(home: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda i=i: found.append(store_upload(CONTENT, "a.csv", owner=f"p{i}")))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert all(uploads_of(f"p{i}") for i in range(8))
    assert [path.name for path in home.iterdir()] == found[:1]
    assert load_upload(found[0])[0].shape == (30, 3)


def test_a_word_that_is_kept_is_a_value_wherever_the_table_is_loaded(home: Path, tmp_path: Path) -> None:
    fingerprint = store_upload(CONTENT, "a.csv")
    assert load_upload(fingerprint)[1].words == (("country", "NA", 20),)
    for _ in range(2):  # made, then found again
        frame, reading = load_upload(fingerprint, [("country", "NA")])
        assert frame["country"].value_counts().to_dict() == {"NA": 20, "DE": 10}
        assert reading.words == ()
    assert load_upload(fingerprint)[0]["country"].isna().sum() == 20
    recipe = Recipe(("country",), (("y", "regression"),), kept=(("country", "NA"),)).to_text()
    (tmp_path / "a.csv").write_bytes(CONTENT)
    sources = (Upload(fingerprint, recipe), CsvFile(str(tmp_path / "a.csv"), recipe))
    for data in [source.load() for source in sources]:
        assert set(data.features["country"]) == {"NA", "DE"}
    assert load_original(fingerprint)[0] == CONTENT


def test_an_upload_from_before_owners_is_this_machines(home: Path) -> None:
    fingerprint = store_upload(CONTENT, "a.csv", owner="ann")
    (home / fingerprint / "owners.json").unlink()
    assert [each.fingerprint for each in uploads_of("")] == [fingerprint]
    assert uploads_of("ann") == []
