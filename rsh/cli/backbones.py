"""The commands `rsh backbones` and `rsh backbones fetch`."""

import sys

from rsh.cli.layout import print_json


def backbones(pattern: str = "", /, *, json_: bool = False) -> None:
    """List backbones: parameters, bands, input, license, and whether their weights are here.

    Without a name those that are recommended; a name shows all about one, a part of a name all that
    have it, of more than a thousand.

    Args:
        pattern: A name, a part of one, or one with *, such as 'vit_*dinov3*'.
        json_: Print JSON.
    """
    from rsh.models.catalog import (
        MOST_LISTED,
        describe_backbone,
        find_names,
        to_json,
        to_table,
        to_text,
    )

    names = find_names(pattern)
    entries = [describe_backbone(name) for name in names[:MOST_LISTED]]
    if json_:
        print_json([to_json(entry) for entry in entries])
    elif pattern == names[0]:
        print(to_text(entries[0]))
    else:
        print(to_table(entries))
    if more := len(names) - len(entries):
        print(f"{more:,} more: give a longer part of the name", file=sys.stderr)


def backbones_fetch(name: str, /, *, accept_license: bool = False) -> None:
    """Download the weights of a backbone, so that `rsh train --backbone` finds them.

    Size, source and license are shown first. An interrupted download resumes when you run the same
    command again.

    Args:
        name: A name from `rsh backbones`, any model of timm with weights, or hf_hub:owner/name.
        accept_license: Show the license and accept it without asking.
    """
    from rsh.models.catalog import fetch_backbone

    file = fetch_backbone(name, accepted=accept_license)
    print(file or f"the weights of {name} come with an installed package")
    print(f"use them as --backbone {name}", file=sys.stderr)
