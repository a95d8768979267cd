"""All pairs of codes at most r bits apart, exact: within one set (self-join) or between two.

Passes over sorted codes find the codes that may be near, see `rsh.index.blocks`; compiled loops
compare them. A pair that several passes find is returned by one of them. Equal codes are folded
beforehand, so that a thousand tiles with one code do not give half a million pairs.

A million uniform codes of 64 bits take seconds at radius 2. The worst data, of which a sort tells
nothing, takes as long as comparing all codes: see benchmarks/search/pairs.py.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, islice, pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from tqdm import tqdm

from rsh.codes.binary import Ids, Words, as_words, check_packed
from rsh.codes.distinct import DistinctCodes
from rsh.codes.hamming import Distances, _differ, measure, num_threads
from rsh.index.base import CodePairs, check_radius
from rsh.index.blocks import choose_blocks

STRIP, BLOCK = 64, 4096  # rows and columns that are compared at a time, in the processor's cache
PART = 256  # distances that are searched for small ones only if the smallest of them is
SHORT = 16  # up to so many columns a plain loop is faster
CAPACITY = 2**20  # pairs that a task returns at a time
TASK = 2**26  # comparisons of a task, a few hundredths of a second
PER_ROW = 32  # comparisons that take as long as beginning a row


class _Pass(NamedTuple):
    """Codes in the order of a pass, and which of them are to be compared.

    Attributes:
        queries: codes in words, (q, words).
        columns: codes in words, (words, n).
        low: first column to compare each query with, (q,), ascending.
        high: last one + 1, (q,), ascending.
        query_numbers: numbers of the queries' codes, (q,).
        column_numbers: numbers of the columns' codes, (n,).
        blocks: masks of all blocks, (m, words).
        ignored: the blocks that the pass does not sort by, a bit for each.
    """

    queries: Words
    columns: Words
    low: Ids
    high: Ids
    query_numbers: Ids
    column_numbers: Ids
    blocks: Words
    ignored: int


def near_pairs(
    codes: DistinctCodes,
    others: DistinctCodes | None = None,
    *,
    num_bits: int,
    radius: int,
    progress: bool = False,
) -> Iterator[CodePairs]:
    """Find all pairs of distinct codes at most radius bits apart.

    Memory is proportional to the number of codes, whatever the number of pairs: these come in
    portions of at most about a million. A caller that has seen enough may stop.

    Args:
        codes: the first set.
        others: the second set; None for the pairs within the first.
        num_bits: code length, bits.
        radius: the largest distance, bits, 0 to num_bits.
        progress: show a bar.

    Returns:
        Portions of the pairs, each pair once. Within one set a code is no pair with itself; of two
        sets, equal codes are pairs at distance 0.

    Raises:
        InputError: wrong width or type, or radius out of range.
    """
    check_radius(radius, num_bits)
    for each in (codes, others or codes):
        check_packed(each.packed, num_bits)
    return _find(codes, others, num_bits, radius, progress)


def _find(
    codes: DistinctCodes,
    others: DistinctCodes | None,
    num_bits: int,
    radius: int,
    progress: bool,
) -> Iterator[CodePairs]:
    if not len(codes) or (not radius if others is None else not len(others)):
        return  # distinct codes are no pairs at radius 0
    packed = None if others is None else others.packed
    blocks = choose_blocks(codes.packed, packed, num_bits, radius=radius)
    passes = list(combinations(range(len(blocks)), min(radius, len(blocks))))
    words = as_words(codes.packed)
    other_words = None if packed is None else as_words(packed)
    total = len(passes) * len(codes)
    with tqdm(total=total, unit="code", desc="near codes", disable=not progress) as bar:
        for ignored in passes:
            for found in _compare_all(_sort(words, other_words, blocks, ignored), radius, bar):
                if other_words is not None:
                    yield found
                else:  # a pass has its own order
                    first, second = np.sort([found.first, found.second], axis=0)
                    yield CodePairs(first, second, found.distances)


def _sort(words: Words, others: Words | None, blocks: Words, ignored: tuple[int, ...]) -> _Pass:
    """Sort codes by all blocks but some, and find which of them agree there."""
    kept = np.ones(len(blocks), dtype=bool)
    kept[list(ignored)] = False
    mask = np.bitwise_or.reduce(blocks[kept], axis=0)
    keys = _keys(words & mask)
    order = np.argsort(keys)
    keys = keys[order]
    numbers = sum(1 << block for block in ignored)
    if others is None:
        ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]) + 1, len(keys))
        high = np.repeat(ends, np.diff(ends, prepend=0))
        low, other_order, other_words = np.arange(1, len(keys) + 1), order, words
    else:
        other_keys = _keys(others & mask)
        other_order, other_words = np.argsort(other_keys), others
        other_keys = other_keys[other_order]
        low, high = (np.searchsorted(other_keys, keys, side) for side in ("left", "right"))
    columns = np.ascontiguousarray(other_words[other_order].T)
    return _Pass(words[order], columns, low, high, order, other_order, blocks, numbers)


def _keys(words: Words) -> NDArray[np.uint64]:
    """Return a number for each row of words; different rows seldom have one number."""
    keys = np.zeros(len(words), dtype=np.uint64)
    for column in words.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(32)
    return keys


def _compare_all(sorted_codes: _Pass, radius: int, bar: "tqdm[Any]") -> Iterator[CodePairs]:
    """Compare the codes of a pass in several threads; every task is short, so they end soon."""
    threads = num_threads()
    tasks = _cut(sorted_codes.high - sorted_codes.low, threads)
    with ThreadPoolExecutor(threads) as pool:
        running = deque(
            (task, pool.submit(_compare, sorted_codes, task, 0, radius))
            for task in islice(tasks, 2 * threads)
        )
        while running:
            task, future = running.popleft()
            found, done = future.result()
            if done:  # it has more pairs than fit
                running.append((task, pool.submit(_compare, sorted_codes, task, done, radius)))
            else:
                bar.update(task.stop - task.start)
                running.extend(
                    (task, pool.submit(_compare, sorted_codes, task, 0, radius))
                    for task in islice(tasks, 1)
                )
            if len(found.first):
                yield found


def _cut(comparisons: Ids, threads: int) -> Iterator[slice]:
    """Cut the rows of a pass into tasks of about equal time, at least one for each thread."""
    work = np.cumsum(comparisons + PER_ROW)
    count = max(threads, int(work[-1]) // TASK + 1)
    ends = np.searchsorted(work, np.linspace(0, work[-1], count + 1)[1:-1])
    for start, stop in pairwise(np.unique([0, *ends, len(work)]).tolist()):
        yield slice(start, stop)


def _compare(codes: _Pass, task: slice, done: int, radius: int) -> tuple[CodePairs, int]:
    """Return near pairs of some rows, and how much is done if there are more, else 0."""
    first, second = np.empty(CAPACITY, np.int64), np.empty(CAPACITY, np.int64)
    distances = np.empty(CAPACITY, np.uint16)
    count, done = _fill(
        codes.queries,
        codes.columns,
        codes.low,
        codes.high,
        (task.start, task.stop, done),
        radius,
        codes.blocks,
        codes.ignored,
        first,
        second,
        distances,
    )
    found = CodePairs(
        codes.query_numbers[first[:count]],
        codes.column_numbers[second[:count]],
        distances[:count].copy(),
    )
    return found, done


@njit(nogil=True, cache=True)
def _fill(
    queries: Words,
    columns: Words,
    low: Ids,
    high: Ids,
    task: tuple[int, int, int],
    radius: int,
    blocks: Words,
    ignored: int,
    first: Ids,
    second: Ids,
    distances: Distances,
) -> tuple[int, int]:
    """Fill in near pairs, strip by strip of the rows and block by block of the columns.

    It ends before a strip and block whose pairs may not fit, and returns the number of pairs, and
    that of the strips and blocks that are done; 0 instead if all are.
    """
    start, stop, done = task
    buffer = np.empty(BLOCK, np.uint16)
    count = place = 0
    for row in range(start, stop, STRIP):
        last = min(row + STRIP, stop)
        for begin in range(low[row], high[last - 1], BLOCK):
            place += 1
            if place <= done:
                continue
            if count + STRIP * BLOCK > len(first):
                return count, place - 1
            for query in range(row, last):
                left, right = max(low[query], begin), min(high[query], begin + BLOCK)
                near = buffer[: max(right - left, 0)]
                _measure(columns, queries[query], left, near)
                size = _select(near, radius, second[count:], distances[count:])
                for found in range(count, count + size):
                    column = left + second[found]
                    if _is_own(queries[query], columns, column, blocks, ignored):
                        first[count], second[count] = query, column
                        distances[count] = distances[found]
                        count += 1
    return count, 0


@njit(nogil=True, cache=True)
def _measure(columns: Words, query: Words, start: int, distances: Distances) -> None:
    """Fill in the distances of one query to some columns."""
    if len(distances) >= SHORT:
        measure(columns, query, start, distances)
        return
    for column in range(len(distances)):
        distances[column] = 0
        for word in range(len(query)):
            distances[column] += _differ(columns[word, start + column], query[word])  # type: ignore[call-arg]


@njit(nogil=True, cache=True)
def _select(values: Distances, radius: int, places: Ids, near: Distances) -> int:
    """Fill in the places of small values and the values, and return how many there are."""
    count = 0
    if len(values) >= SHORT and _smallest(values) > radius:
        return count
    for start in range(0, len(values), PART):
        part = values[start : start + PART]
        if len(values) >= SHORT and _smallest(part) > radius:
            continue
        for place in range(len(part)):
            if part[place] <= radius:
                places[count], near[count] = start + place, part[place]
                count += 1
    return count


@njit(nogil=True, cache=True)
def _smallest(values: Distances) -> Any:
    smallest = values[0]
    for row in range(len(values)):
        smallest = min(smallest, values[row])
    return smallest


@njit(nogil=True, cache=True)
def _is_own(query: Words, columns: Words, column: int, blocks: Words, ignored: int) -> bool:
    """Whether a pair belongs to this pass, of all that find it.

    It is the pass that ignores the blocks in which the pair differs, and the first others.
    """
    expected = spare = 0
    for block in range(len(blocks)):
        spare += (ignored >> block) & 1
        for word in range(len(query)):
            if (query[word] ^ columns[word, column]) & blocks[block, word]:
                expected |= 1 << block
                spare -= 1
                break
    for block in range(len(blocks)):
        if spare > 0 and not (expected >> block) & 1:
            expected |= 1 << block
            spare -= 1
    return expected == ignored
