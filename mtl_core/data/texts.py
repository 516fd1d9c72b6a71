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
import pandas as pd

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
        counts = Counts(self.column)
        for p, split in enumerate(found):
            parts = counts.directions(split.train, self.inputs.text_parts)
            for f in range(self.inputs.text_parts):
                out[p, :, f] = standard(parts[:, f], split.train)
        super().fill(out[:, :, self.inputs.text_parts :], found)


class Counts:
    """How often each word stands in each text, counted once for all folds; each fold keeps its training rows' words."""

    def __init__(self, texts: pd.Series) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        how: dict[str, Any] = {"analyzer": "char", "ngram_range": (1, 2)} if is_unspaced(texts) else {}
        try:
            self.counts = CountVectorizer(dtype=np.float32, **how).fit_transform(texts.fillna("").astype(str))
        except ValueError:  # no text holds a word
            self.counts = None
        self.rows = len(texts)

    def directions(self, train: Rows, count: int) -> Floats:
        """[N, count]; directions beyond what the training rows hold are 0."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer

        out = np.zeros((self.rows, count), np.float32)
        fitted = train[:: -(-len(train) // FITTED)]
        if self.counts is None or not self.counts[fitted].nnz:
            return out
        total = np.asarray(self.counts[fitted].sum(axis=0))[0]
        words = np.sort(np.argsort(-total, kind="stable")[: min(WORDS, np.count_nonzero(total))])
        counts = self.counts[:, words]
        weigher = TfidfTransformer(sublinear_tf=True).fit(counts[fitted])
        weighed = weigher.transform(counts)
        size = min(count, len(words), len(fitted))
        with np.errstate(invalid="ignore", divide="ignore"):  # its share of the variance, where there is none
            reducer = TruncatedSVD(size, random_state=0).fit(weighed[fitted])
        out[:, :size] = reducer.transform(weighed)
        return out
