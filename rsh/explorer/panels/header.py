"""The page's head, its alert, and the banner for a lost connection."""

import traitlets

from rsh.explorer.panels.panel import Panel
from rsh.gallery.gallery import Gallery
from rsh.labels import describe_labels
from rsh.text import plural


class HeaderPanel(Panel, script="header.js", style="page.css"):
    """Brings the page's stylesheet, keeps the address, and sees whether Python is still there.

    Sends {"kind": "ping"}, once {"kind": "address", "text"} if a link says what to show,
    and {"kind": "gallery", "name"}.

    Attributes:
        question: the page in one sentence.
        facts: what the gallery holds.
        message: the alert, or "".
        address: the query string that opens the page as it is now.
        galleries: names of all that can be shown.
        gallery: name of the one that is shown.
        labeled: what its tiles have, "class" or "label"; "" without.
        images: whether a query may be an image; a gallery of embeddings takes none.
    """

    question = traitlets.Unicode("Image retrieval by hashing").tag(sync=True)
    facts = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    address = traitlets.Unicode().tag(sync=True)
    galleries = traitlets.List(traitlets.Unicode()).tag(sync=True)
    gallery = traitlets.Unicode().tag(sync=True)
    labeled = traitlets.Unicode("class").tag(sync=True)
    images = traitlets.Bool(True).tag(sync=True)

    def alert(self, message: str) -> None:
        """Show a message; the same one a second time is read out again, too."""
        if message:
            self.message = ""
        self.message = message


def make_headline(gallery: Gallery) -> str:
    """Return the question the page answers."""
    if gallery.has_map:
        return "Where else on Earth does it look like this?"
    return "What else looks like this?"


def describe_gallery(gallery: Gallery) -> str:
    """Return the size of a gallery: "2,400 tiles · 10 classes · 64 bits, 16 for the look"."""
    given, recall = gallery.annotations.state.given.num_tiles, gallery.searcher.recall
    return " · ".join(list_facts(gallery, given, recall=recall))


def list_facts(
    gallery: Gallery, given: int = 0, *, recall: float | None, has_spaces: bool = True
) -> list[str]:
    """Return the size of a gallery, how many classes and given labels it has, and so on.

    Args:
        gallery: what they are about.
        given: labels.
        recall: recall@20 of a search; none if it is exact.
        has_spaces: whether the page can show spaces.
    """
    facts = [plural(len(gallery), "tile")]
    if gallery.label_names or not given:
        known = (len(gallery), gallery.num_labeled, len(gallery.label_names))
        facts.append(describe_labels(*known, several=gallery.has_several))
    if given:
        facts.append(f"{plural(given, 'label')} given")
    look = f", {gallery.look_bits} for the look" if gallery.look_bits else ""
    facts.append(plural(gallery.num_bits, "bit") + look)
    if not gallery.has_images:
        facts.append("no images")
    if has_spaces and gallery.manifest.projection is None:
        facts.append("no spaces yet: run rsh project")
    if recall is not None:
        facts.append(f"approximate: recall@20 = {recall:.1%}")
    return facts
