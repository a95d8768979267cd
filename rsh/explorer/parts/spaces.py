"""The part of the page that answers what its spaces and its map ask about tiles."""

from typing import Any

from rsh.explorer.panels.tiles import describe
from rsh.explorer.parts.part import Part
from rsh.gallery.footprints import open_footprints


class SpacesPart(Part):
    """Tiles for hover cards, and what lies below the dots of the map."""

    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Answer the panel that asks."""
        gallery = self.page.state.gallery
        match content:
            case {"kind": "peek", "row": int(row)} if 0 <= row < len(gallery):
                tile = describe(gallery, row)
                thumbnail = tile.pop("thumb")
                panel.send({"kind": "tile", **tile}, buffers=[thumbnail])
            case {"kind": "scenes"}:
                for scene in gallery.backgrounds:
                    panel.send({"kind": "scene", "bounds": scene.bounds}, buffers=[scene.image])
            case {"kind": "footprints", "view": [_, _, _, _] as view, "tolerance": width}:
                found, _ = open_footprints(gallery).in_view(tuple(view), tolerance=float(width))
                panel.send({"kind": "footprints"}, buffers=found.to_bytes()[1:])
