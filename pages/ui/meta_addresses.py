"""A comparison of learners as a page's address carries it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mtl_core.data.base import Source
from mtl_core.data.table import CsvFile
from mtl_core.meta.adaptation import Adaptation
from mtl_core.registry import InvalidInput, Method

SETTINGS = "comparison"
"""Name of the settings in the page's address. Not that of Train's: every page reads those."""


def compact(asked: Adaptation) -> str:
    """Its JSON without what stands at its default; short enough for an address."""
    full, bare = asked.to_json(), Adaptation(asked.family, asked.learners).to_json()
    kept = {key: value for key, value in full.items() if value != bare[key]}
    for key in {"budget", "trunk"} & set(kept):
        kept[key] = _apart(kept[key], bare[key])
    family = full["family"] if asked.data is not None else _method(asked.family)
    kept = {"family": family, "learners": [_method(each) for each in asked.learners], **kept}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def parsed(address: str, known: Source | None = None) -> Adaptation:
    """The comparison that `compact` wrote. Raises `InvalidInput` when it is not one.

    As with the settings of Train, a table on disk is taken only where it is `known`, the data of a run in the store.
    """
    try:
        asked = Adaptation.from_json(json.loads(address))
    except InvalidInput:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the link's settings cannot be read; use the link as it was copied") from error
    if isinstance(asked.data, CsvFile) and asked.data != known:
        raise InvalidInput("a link cannot open a file of this machine; drop the table on the page")
    return asked.before_turned()


def _method(method: Method) -> Any:
    """Its name; with the knobs that are not at their defaults, where there are some."""
    turned = _apart(method.settings(), type(method)().settings())
    return {"name": method.name, **turned} if turned else method.name


def _apart(settings: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value != usual[key]}
