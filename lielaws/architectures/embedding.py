"""Token embeddings: the data are indices, so they are part of the architecture instead of generic numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lielaws.architectures.family import Architecture, Array, Namespace, Operations, Recipe
from lielaws.checks import integer, positive_ints
from lielaws.errors import InvalidArgumentError

Sequences = tuple[tuple[int, ...], ...]


def embedding(vocabulary: int, d_model: int, tokens: int = 3, token_ids: Sequence[int] | None = None) -> Architecture:
    """The rows of E of one sequence of tokens, shape (tokens, d_model): the first block of a :func:`sequential`.

    Parameters
    ----------
    tokens : length of the sequence
    token_ids : indices of its tokens, by default 0, 1, ..., starting again at the end of the vocabulary

    Tokens are discrete: a generic row would be a mixture of embeddings, which no network ever sees. So the sequence is
    part of the architecture, and the data x of shape () has no effect; for several sequences see :func:`transformer`.
    Parameters of the network: E of shape (vocabulary, d_model). Laws of a row that no sequence uses are its entries.
    """
    vocabulary, d_model, tokens = positive_ints(vocabulary=vocabulary, d_model=d_model, tokens=tokens)
    given = None if token_ids is None else checked_tokens("token_ids", token_ids, vocabulary, tokens)
    chosen = given or [k % vocabulary for k in range(tokens)]

    def network(p: Namespace, x: Array, ops: Operations) -> Array:
        return p.E[np.array(chosen)]

    keywords = {"vocabulary": vocabulary, "d_model": d_model, "tokens": tokens, "token_ids": given}
    return Recipe.of(embedding, keywords).build({"E": (vocabulary, d_model)}, {"x": ()}, network)


def checked_tokens(argument: str, ids: Any, vocabulary: int, tokens: int) -> tuple[int, ...]:
    """The indices of one sequence. Raises InvalidArgumentError."""
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise InvalidArgumentError(argument, ids, f"{tokens} indices of tokens are needed, such as [0, 1, 0]")
    given = list(ids)
    if len(given) != tokens:
        raise InvalidArgumentError(argument, given, f"{tokens} indices are needed, one for each token")
    needed = f"integers from 0 to {vocabulary - 1} are needed"
    return tuple(integer(argument, k, 0, vocabulary - 1, needed) for k in given)


def checked_sequences(sequences: Any, vocabulary: int, tokens: int, shifted: bool) -> Sequences:
    """Distinct sequences of tokens, also as a text such as "0 1 2, 1 0 0".

    By default they are consecutive tokens, as few as contain the vocabulary; `shifted` adds the one from token 1 on.
    """
    if sequences is None:
        starts = [*range(0, vocabulary, tokens), *([1] if shifted else [])]
        return tuple(dict.fromkeys(tuple((start + k) % vocabulary for k in range(tokens)) for start in starts))
    if isinstance(sequences, str):
        words = [part.split() for part in sequences.split(",")]
        if not all(word.isascii() and word.isdigit() for part in words for word in part):
            raise InvalidArgumentError("sequences", sequences, "indices of tokens are needed, such as '0 1 2, 1 0 0'")
        sequences = [[int(word[:20]) for word in part] for part in words]
    if not isinstance(sequences, Iterable):
        raise InvalidArgumentError("sequences", sequences, "a list of sequences is needed, such as [[0, 1, 2]]")
    checked = tuple(checked_tokens(f"sequences[{k}]", ids, vocabulary, tokens) for k, ids in enumerate(sequences))
    if not checked or len(set(checked)) < len(checked):
        raise InvalidArgumentError("sequences", sequences, "at least one sequence, and each only once, is needed")
    return checked


def written_sequences(sequences: Sequences) -> str:
    """The text that :func:`checked_sequences` reads."""
    return ", ".join(" ".join(map(str, ids)) for ids in sequences)
