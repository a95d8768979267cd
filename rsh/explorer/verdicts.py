"""Whether results can be right or wrong at all."""

from rsh.gallery.filters import Filter
from rsh.gallery.gallery import Gallery
from rsh.labels import UNLABELED
from rsh.search.query import Query


def leaves_out_class(gallery: Gallery, query: Query, filter: Filter) -> bool:
    """Whether the query has a class, and no tile of that class passes the filter."""
    label = query.label(gallery)
    if label == UNLABELED or not filter:
        return False
    return not (gallery.passes(filter) & (gallery.labels == label)).any()


def has_verdicts(gallery: Gallery, query: Query, filter: Filter) -> bool:
    """Whether results are right or wrong: the query has a class, and the filter leaves it in."""
    known = query.label(gallery) != UNLABELED
    return known and not leaves_out_class(gallery, query, filter)
