"""What the parts of the codes of a gallery are called."""

from rsh.codes.parts import CodePart
from rsh.gallery.gallery import Gallery


def part_name(gallery: Gallery, part: CodePart) -> str:
    """Return "class" or "look"; without classes the first part is a "group"."""
    return "group" if part.name == "class" and not gallery.classes else part.name
