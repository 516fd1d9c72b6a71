"""Free text as inputs: which words stand in it, weighed by how rare they are, in a few dimensions.

TF-IDF, then a truncated singular value decomposition, both fitted on the training rows; scikit-learn's. Scripts that
write no spaces between words (Chinese, Japanese, Thai) are taken by single signs and pairs of them.
Reference: Deerwester et al., "Indexing by Latent Semantic Analysis", JASIS 1990.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_core.data.encoders import Encoder, Floats, Numbers, standard
from mtl_core.data.scripts import is_unspaced
from mtl_core.data.splits import Rows, Split

WORDS = 5000
"""The most frequent words (or signs) that are counted."""
FITTED = 20_000
"""At most so many training rows are fitted on, evenly spaced."""


@dataclass(frozen=True)
class FreeText(Encoder):
    """A column of free text: "comment · part 3" is a direction in which its words differ most."""

    def names(self) -> list[str]:
        return [f"{self.name} · part {i + 1}" for i in range(self.inputs.text_parts)] + self._flag_name()

    def raw(self) -> Iterator[Numbers]:
        yield from self._flag()

    def fill(self, out: Floats, found: Sequence[Split]) -> None:
        texts = self.column.fillna("").astype(str).to_numpy(object)
        unspaced = is_unspaced(self.column)
        for p, split in enumerate(found):
            parts = directions(texts, split.train, self.inputs.text_parts, unspaced)
            for f in range(self.inputs.text_parts):
                out[p, :, f] = standard(parts[:, f], split.train)
        super().fill(out[:, :, self.inputs.text_parts :], found)


def directions(texts: NDArray[Any], train: Rows, count: int, unspaced: bool) -> Floats:
    """texts [N] -> [N, count]; directions beyond what the training rows hold are 0."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    out = np.zeros((len(texts), count), np.float32)
    fitted = train[:: -(-len(train) // FITTED)]
    how: dict[str, Any] = {"analyzer": "char", "ngram_range": (1, 2)} if unspaced else {"analyzer": "word"}
    counter = TfidfVectorizer(max_features=WORDS, sublinear_tf=True, dtype=np.float32, **how)
    try:
        seen = counter.fit_transform(texts[fitted])
    except ValueError:  # no training row holds a word
        return out
    size = min(count, *seen.shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # its share of the variance, where there is none
        reducer = TruncatedSVD(size, random_state=0).fit(seen)
    out[:, :size] = reducer.transform(counter.transform(texts))
    return out
