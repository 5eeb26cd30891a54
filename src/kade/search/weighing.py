"""What a match is worth; the same in every index.

A match in the text is worth what BM25 says of the stem, and something besides of the word as it was written;
one in the name is worth more than any in the text, one in the tags more still. All of it counts more, the
rarer the word is.
"""

import math

from kade.core.search import AllOf, AnyOf, Phrase, Prefix, Term, Word, leaves

# BM25 of a word is below 2.2 times its rarity, however often it is there.
STEM, SURFACE = 0.7, 0.6
ELSEWHERE = {"name": 4.5, "author": 4.5, "tag": 9.0}
ELSEWHERE_SURFACE = 0.5
PREFIX = 0.5
PHRASE = 2.0
COMPARED_MOST = 32  # in a query of more words than that all count as equally rare
NEAR, NEAR_SLOP = 1.5, 4
NEAR_MOST = 200_000  # of two words that are both in more files than that it is not asked whether they meet


def is_scored(term: Term) -> bool:
    """Whether some files answer the term better than others."""
    if isinstance(term, AllOf | AnyOf):
        return any(map(is_scored, term.terms))
    return isinstance(term, Word | Prefix | Phrase)


def is_compared(term: Term) -> bool:
    """Whether it matters, and is worth the time to count, how rare each word is."""
    return 1 < sum(isinstance(leaf, Word | Phrase) for leaf in leaves(term)) <= COMPARED_MOST


def rarity_of(files: int, having: int) -> float:
    """The inverse document frequency of BM25."""
    return math.log(1 + (files - having + 0.5) / (having + 0.5))
