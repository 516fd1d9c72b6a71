"""Experiments that come from elsewhere: is the table there that they were made on?"""

from __future__ import annotations

from mtl_core.data.table import Upload, load_upload
from mtl_core.registry import InvalidInput
from mtl_core.store.records import Wish


def check_table_is_here(experiment: Wish, title: object = "") -> None:
    """Raises `InvalidInput` when the experiment needs an uploaded table that this installation does not have.

    title: what the exported run calls its data. An upload is known by its content, so the same file brings it back.
    """
    if not isinstance(experiment.data, Upload):
        return
    try:
        load_upload(experiment.data.fingerprint)
    except InvalidInput:
        table = f"the table {title!r}" if isinstance(title, str) and title else "the table of this experiment"
        raise InvalidInput(
            f"{table} was uploaded to another installation and is not here; upload the same file on the Data page, "
            "or on the command line name it with --data"
        ) from None
