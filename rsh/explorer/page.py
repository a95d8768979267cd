"""The dashboard of one gallery: connects the state with the panels."""

from collections.abc import Callable
from itertools import chain
from typing import Any
from uuid import uuid4

import ipywidgets
import numpy as np
from numpy.typing import ArrayLike

from rsh.errors import InputError
from rsh.explorer.address import SIGNS, carried_over, gallery_in, read_address, write_address
from rsh.explorer.alerts import NO_NAME, explain, guarded
from rsh.explorer.originals.sharpest import Sharpest
from rsh.explorer.panels.cards import MAX_CARDS, CardsPanel, cards_view
from rsh.explorer.panels.class_browser import ClassBrowserPanel, class_browser_view, list_kinds
from rsh.explorer.panels.codes import CodesPanel, codes_view
from rsh.explorer.panels.coloring import list_ways
from rsh.explorer.panels.compare import ComparePanel, Comparison
from rsh.explorer.panels.controls import ControlsPanel, controls_view, search_view
from rsh.explorer.panels.desk import DeskPanel
from rsh.explorer.panels.dock import DockPanel, list_tabs
from rsh.explorer.panels.explain import Explained, ExplainedParts, ExplainPanel
from rsh.explorer.panels.export import ExportPanel
from rsh.explorer.panels.filter import FilterPanel, filter_view, list_columns
from rsh.explorer.panels.header import HeaderPanel, describe_gallery, make_headline
from rsh.explorer.panels.legend import LegendPanel, legend_note, list_verdicts
from rsh.explorer.panels.query import QueryPanel, query_view
from rsh.explorer.panels.scatter import ScatterPanel, make_maps, marks_view
from rsh.explorer.panels.selected import MAX_CARDS as MAX_SELECTED_CARDS
from rsh.explorer.panels.selected import SelectedPanel, selected_tiles, selected_view
from rsh.explorer.panels.upload import UploadPanel, about_images, found_words
from rsh.explorer.parts.duplicates import DuplicatesPart
from rsh.explorer.parts.groups import GroupsPart
from rsh.explorer.parts.labels import LabelsPart
from rsh.explorer.parts.learning import LearningPart
from rsh.explorer.parts.part import Part
from rsh.explorer.parts.spaces import SpacesPart
from rsh.explorer.parts.viewer import ViewerPart
from rsh.explorer.parts.words import WordsPart
from rsh.explorer.selection import rows_sent
from rsh.explorer.server.registry import Registry
from rsh.explorer.settings import DEFAULTS, PageSettings
from rsh.explorer.state import ExplorerState
from rsh.explorer.uploads.client import Superseded, UploadEncoder, check_size, start_soon
from rsh.gallery.filters import Filter
from rsh.search.query import Query

# Tabs whose cards show given classes.
TABS_WITH_GIVEN = ("selected", GroupsPart.tab, LearningPart.tab, DuplicatesPart.tab)


class Explorer:
    """The panels of one visitor, and the handlers of their messages.

    Attributes:
        panels: the widgets to display.
        switch: shows another gallery, by its name, at an address.
    """

    def __init__(
        self,
        state: ExplorerState,
        *,
        site: Registry | None = None,
        name: str = "",
        settings: PageSettings = DEFAULTS,
    ) -> None:
        """Make the panels for `state` and show its first results.

        Args:
            state: what is shown.
            site: the galleries to choose from; by default only this one.
            name: of this gallery among them.
            settings: what the owner of the page allows.
        """
        gallery, page = state.gallery, uuid4().hex
        self._settings = settings
        self._site = site = site or Registry([gallery.folder])
        self.switch: Callable[[str, str], None] = lambda other, text: None
        self.state = state
        self._class, self._part, self._num_selected = 0, 0, MAX_SELECTED_CARDS
        self._columns = list_columns(state)
        self._uploads = UploadEncoder(gallery.folder, gallery.manifest.encoder, run=settings.run)
        self._sharpest = Sharpest(gallery, self._uploads, originals=settings.originals)
        labeled, takes_images = bool(gallery.label_names), not gallery.manifest.model.vector_dim
        self.header = HeaderPanel(
            page=page,
            question=make_headline(gallery),
            labeled=gallery.relevance.label if labeled else "",
            images=takes_images,
            galleries=site.names,
            gallery=name,
        )
        self.query = QueryPanel(page=page)
        self.controls = ControlsPanel(page=page)
        self.filter = FilterPanel(page=page)
        self.upload = UploadPanel(page=page, images=takes_images, about=about_images(gallery))
        self.class_browser = ClassBrowserPanel(page=page)
        self.codes = CodesPanel(page=page)
        self.cards = CardsPanel(page=page, composites=gallery.describe_composites())
        self.export = ExportPanel(page=page, map=gallery.has_map)
        self._comparison = Comparison(gallery, site, name)
        state.sides = self._comparison.sides
        choices, compared = self._comparison.choices, state.compared
        self.sides = ComparePanel(page=page, choices=choices, labeled=labeled, chosen=compared)
        self._explained = Explained(gallery)
        self.reasons = ExplainPanel(page=page)
        self.dock = DockPanel(
            page=page,
            tabs=list_tabs(
                classes=bool(gallery.classes) and not gallery.has_several, images=takes_images
            ),
            tab="compare" if compared else "",
        )
        self.planes = make_maps(gallery, page)
        self.selected = SelectedPanel(page=page)
        spaces = [[plane.space, plane.heading] for plane in self.planes]
        self.legend = LegendPanel(
            page=page,
            spaces=spaces,
            ways=list_ways(gallery) if self.planes else [],
            relevance=gallery.relevance._asdict(),
        )
        self.frame = DeskPanel(page=page, spaces=bool(self.planes))
        self.viewer = ViewerPart(self, page, self._sharpest, self.take_image, parts=takes_images)
        self.labels = LabelsPart(self, page, settings.labels)
        self.header.facts = describe_gallery(gallery)  # with the labels that this visitor sees
        self.groups = GroupsPart(self, page, self.labels.labeling)
        self.duplicates = DuplicatesPart(self, page)
        self.learning = LearningPart(self, page, self.labels.labeling, site, allowed=settings.learn)
        self.parts: list[Part] = [
            *(SpacesPart(self, []), self.viewer, self.labels),
            WordsPart(self, self.upload, self._uploads, run=settings.run),
            *(self.groups, self.learning, self.duplicates),
        ]
        self.refresh()
        self.panels = self._lay_out()
        self._observe()
        if (
            not labeled and gallery.groups and not state.compared
        ):  # a way in where no class offers one
            self.dock.tab = self.groups.tab

    def _observe(self) -> None:
        """Follow what panels set."""
        self.controls.observe(self.search, names="search")
        self.cards.observe(self.stack, names="stacked")
        self.cards.observe(self.show_bands, names="composite")
        self.cards.observe(self.brighten, names="brightness")
        self.upload.observe(self.suggest, names="typed")
        self.sides.observe(self.compare, names="chosen")
        self.reasons.observe(self.explain, names="asked")
        self.dock.observe(self.open_tab, names="tab")

    @property
    def _name(self) -> str:
        """Name of the shown gallery in addresses; "" where it is the only one."""
        return self.header.gallery if len(self.header.galleries) > 1 else ""

    def _lay_out(self) -> list[Any]:
        """Put all panels into the regions of the page, and listen to them."""
        regions = {
            "rsh-ask": [self.query, self.upload, self.class_browser],
            "rsh-toolbar": [self.controls, self.filter, self.export],
            "rsh-answer": [self.cards],
            "rsh-spaces": [self.legend, *self.planes],
            "rsh-dock": [
                *(self.dock, self.codes, self.sides, self.reasons, self.selected),
                *(self.groups.strips, self.labels.list),
                *(self.learning.strips, self.duplicates.strips),
            ],
        }
        for panel in (self.header, self.viewer.panel, self.labels.tray, *chain(*regions.values())):
            panel.on_msg(self.receive)
        boxes = {name: box(name, panels) for name, panels in regions.items()}
        toolbar = boxes.pop("rsh-toolbar")
        boxes["rsh-answer"].children = [toolbar, self.cards]
        over = [self.labels.tray, self.frame, self.viewer.panel]
        return [self.header, box("rsh-desk", [*boxes.values(), *over])]

    def alert(self, message: str) -> None:
        """Show a message to the visitor, or remove it with ""; this also ends the wait."""
        self.header.alert(self._site.without_folders(message))
        self.header.send({"kind": "idle"})

    def explained(self, error: Exception) -> str:
        """Return the message for an error, without folders of this machine."""
        return self._site.without_folders(explain(error))

    @guarded
    def receive(self, panel: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Do what a panel asks for; unknown messages are ignored."""
        self._change_query(content)
        self._change_page(content)
        self._encode(content, buffers)
        for part in self.parts:
            part.receive(panel, content, buffers)
        self._show_more(panel, content)
        self._select(content, buffers)

    def _change_query(self, content: dict[str, Any]) -> None:
        state = self.state
        match content:
            case {"kind": "choose", "row": int(row)}:
                self._move(lambda: state.choose(row))
            case {"kind": "mark", "row": int(row), "sign": str(sign)}:
                self._move(lambda: state.mark(row, SIGNS.get(sign, sign)))
            case {"kind": "back"}:
                self._move(state.back)
            case {"kind": "forward"}:
                self._move(state.forward)
            case {"kind": "random"}:
                self._move(state.choose_random)
            case {"kind": "clear"}:
                self._move(state.clear_feedback)
            case {"kind": "where", "texts": list(texts)}:
                self._move(lambda: state.filter_by(Filter.read(list(map(str, texts)))))
            case {"kind": "find", "text": str(text)}:
                self._move(lambda: state.choose(state.find_row(text)))
                self.upload.found = found_words(state, text)

    def _change_page(self, content: dict[str, Any]) -> None:
        match content:
            case {"kind": "ping"}:
                self.header.send({"kind": "pong"})
            case {"kind": "address", "text": str(text)}:
                gallery = gallery_in(text) or self._name
                if gallery == self._name:
                    self._follow(text)
                else:
                    self.switch(gallery, text)
            case {"kind": "gallery", "name": str(name)}:
                self.show_gallery(name)
            case {"kind": "no name"}:
                raise InputError(NO_NAME)

    def _follow(self, address: str) -> None:
        """Show what an address says, and say what of it makes no sense."""
        compared = self.state.compared
        left_out = read_address(address, self.state)
        if self.state.compared != compared:
            self.compare_with(self.state.compared)
        self.header.address = ""  # the browser shows another one, even if the state stays
        self.refresh()
        self.alert(left_out)

    def _encode(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        match content:
            case {"kind": "image", "name": str(name)} if len(buffers) == 1:
                start_soon(self.take_image(bytes(buffers[0]), name))
            case {"kind": "prepare"}:
                start_soon(self._uploads.prepare())
            case {"kind": "too large", "name": str(name), "size": int(size)}:
                check_size(size, name)
            case {"kind": "parts"}:
                start_soon(self.look_for_parts())

    def _show_more(self, panel: Any, content: dict[str, Any]) -> None:
        gallery = self.state.gallery
        match content:
            case {"kind": "dots"} if isinstance(panel, ScatterPanel):
                panel.send_dots()
                gallery.forget_pages()
            case {"kind": "class", "number": int(number)} if 0 <= number < len(list_kinds(gallery)):
                self._show_class(number, 0)
                self.alert("")
            case {"kind": "others"}:
                self._show_class(self._class, self._part + 1)
                self.alert("")
            case {"kind": "take", "form": str(form), "what": "selection"}:
                tiles = selected_tiles(self.state)
                self.export.give(form, tiles, selection=True, settings=self._settings)
                self.alert("")
            case {"kind": "take", "form": str(form)}:
                shown = self.state.results().take(slice(MAX_CARDS))
                self.export.give(form, shown, settings=self._settings)
                self.alert("")
            case {"kind": "color", "by": str(by)}:
                self.legend.color(self.state.results(), by)

    def _select(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        match content:
            case {"kind": "select"}:
                self.state.select(rows_sent(buffers))
                self._show_picked()
            case {"kind": "more selected"}:
                self._num_selected += MAX_SELECTED_CARDS
                self._show_tab()
            case {"kind": "select results"}:
                self.select(self.state.results().rows)
                self.alert("")
            case {"kind": "select class"}:
                self.select(self.state.list_tiles(list_kinds(self.state.gallery)[self._class]))
                self.alert("")

    @guarded
    def search(self, change: dict[str, Any]) -> None:
        """Search with other settings."""
        wanted = change["new"]
        names = ("top_k", "radius", "order", "include_held_out")
        self.state.search_by(wanted["mode"], **{name: wanted[name] for name in names})
        self.filter.view = filter_view(self.state, self._columns)
        self._show_results()

    @guarded
    def stack(self, change: dict[str, Any]) -> None:
        """Keep in the address whether cards of equal codes are stacked."""
        self.state.stacked = bool(change["new"])
        self.header.address = write_address(self.state, gallery=self._name)

    @guarded
    def show_bands(self, change: dict[str, Any]) -> None:
        """Show tiles in another composite of their bands."""
        gallery = self.state.gallery
        if gallery.composite and change["new"] != gallery.composite.name:
            gallery.show_composite(change["new"])
            self.refresh()

    @guarded
    def brighten(self, change: dict[str, Any]) -> None:
        """Keep in the address how bright images are drawn."""
        if change["new"] != self.state.brightness:
            self.state.brighten(change["new"])
            self.header.address = write_address(self.state, gallery=self._name)

    @guarded
    def suggest(self, change: dict[str, Any]) -> None:
        """Suggest tiles whose ids contain the typed text."""
        self.upload.matching = self.state.matching(change["new"])

    @guarded
    def open_tab(self, change: dict[str, Any]) -> None:
        """Show what the open tab of the drawer needs; what is closed is not computed."""
        self._show_tab()
        self.alert("")

    @guarded
    def compare(self, change: dict[str, Any]) -> None:
        """Compare the results with those of another side."""
        chosen = change["new"]
        self.state.compared = chosen if chosen in self._comparison.sides else ""
        self.sides.view = self._comparison.view(self.state, self.state.compared)
        self.header.address = write_address(self.state, gallery=self._name)
        self.alert("")

    @guarded
    def explain(self, change: dict[str, Any]) -> None:
        """Show another explanation."""
        self.reasons.view = self._explained.view(self.state, change["new"], self.dock.tab)
        self.alert("")

    async def look_for_parts(self) -> None:
        """Compute the occlusion sensitivity of the query in the background."""
        query, gallery = self.state.query, self.state.gallery
        if self._explained.parts and self._explained.parts.query == query:
            return  # it is shown already
        if query.is_text:
            self.alert("words have no parts to cover: search with a tile or an image")
            return
        self.reasons.working = "Covering the tile 64 times: the first time takes some seconds."
        try:
            covered = await self._sharpest.encoded(query)
            found = await self._uploads.parts(covered.content, query.name(gallery))
            drawn = covered.content if query.image is None else query.thumbnail(gallery)
            self._explained.parts = ExplainedParts(query, drawn, covered.kind, found)
            self._show_tab()
        except Superseded:
            return
        except Exception as error:
            self.alert(explain(error))
        self.reasons.working = ""

    async def take_image(self, data: bytes, name: str) -> None:
        """Encode an image in the background, then search with it, unless the query has changed."""
        self.upload.working = f"Reading {name}: the first image takes some seconds."
        before = self.state.query
        try:
            image = await self._uploads.encode(data, name)
            if self.state.query == before:
                self._sharpest.keep_file(image, data)
                self._move(lambda: self.state.choose_image(image))
                self.alert(image.note)
            else:
                self.alert(f"{name} was ready after you chose another query: upload it again")
        except Superseded:
            return
        except Exception as error:
            self.alert(explain(error))
        self.upload.working = ""

    def refresh(self) -> None:
        """Show the current query and its results in all panels."""
        if self.state.query.row is not None:
            gallery = self.state.gallery
            labels = gallery.list_labels(self.state.query.row)
            kinds = list_kinds(gallery)
            number = kinds.index(labels[0]) if labels else len(gallery.label_names)
            # the class browser follows the query to its class, or one of its labels
            if number != self._class and kinds[self._class] not in labels:
                self._class, self._part = number, 0
        self.filter.view = filter_view(self.state, self._columns)
        self.legend.note = legend_note(self.state.query, bool(self.planes))
        self._show_class(self._class, self._part)
        self._show_results()

    def _show_results(self) -> None:
        """Show what depends on the search settings as well as on the query.

        All views are made before the first is sent, so that the query's card and its results change
        together.
        """
        state, result = self.state, self.state.results()
        query, controls = query_view(state), controls_view(state)
        cards, marks = cards_view(result, state.neighbors_kept()), marks_view(result)
        self.controls.search = search_view(state)
        self.controls.view = controls
        self.query.view = query
        self.upload.found = ""
        self.export.own_image = state.query.row is None and not state.query.is_text
        self.cards.stacked = state.stacked
        self.cards.composite = state.gallery.composite_name
        self.cards.brightness = state.brightness
        self.cards.view = cards
        for plane in self.planes:
            plane.marks = marks
        self.legend.verdicts = list_verdicts(result)
        self.legend.color(result)
        for part in self.parts:
            part.refresh()
        self._show_tab()
        self.header.address = write_address(self.state, gallery=self._name)
        state.gallery.forget_pages()  # of a large gallery a search reads places all over the files
        self.alert("")  # last: equal results change no trait, but end the wait

    def _show_tab(self) -> None:
        tab = self.dock.tab
        if tab == "codes":
            self.codes.view = codes_view(self.state.results())
        if tab == "compare":
            self.sides.view = self._comparison.view(self.state, self.sides.chosen)
        if tab == "selected":
            self.selected.view = selected_view(self.state, self._num_selected)
        for part in self.parts:
            if part.tab == tab:
                part.open()
        self.reasons.view = self._explained.view(self.state, self.reasons.asked, tab)

    def move(self, row: int) -> None:
        """Make a tile the query."""
        self._move(lambda: self.state.choose(row))

    def search_with(self, query: Query) -> None:
        """Search with another query."""
        self._move(lambda: self.state.search_with(query))

    def labeled(self) -> None:
        """Show what depends on labels, which were just given."""
        self.labels.show_saved()

    def show_given(self) -> None:
        """Show labels that were just given or taken, wherever the page depends on them."""
        self.header.facts = describe_gallery(self.state.gallery)
        if self.legend.coloring.get("by") == "given":
            self.legend.color(self.state.results(), "given")
        self.filter.view = filter_view(self.state, self._columns)
        if self.dock.tab in TABS_WITH_GIVEN:
            self._show_tab()

    def show_galleries(self) -> None:
        """Offer a gallery that was just made."""
        names = self._site.names
        if self.header.galleries == names:
            return
        self.header.galleries = names
        self._comparison = Comparison(self.state.gallery, self._site, self.header.gallery)
        self.state.sides = self._comparison.sides
        self.sides.choices = self._comparison.choices
        self.header.address = write_address(self.state, gallery=self._name)

    def show_gallery(self, name: str) -> None:
        """Show another gallery in place of this one, with the same query."""
        self.switch(name, carried_over(self.state, self._site.open(name)))

    def compare_with(self, side: str) -> None:
        """Open the comparison with another side, see `panels.compare.list_sides`."""
        self.dock.tab = "compare"
        self.sides.chosen = side

    def search_again(self) -> None:
        """Search with the same query, because what a filter means may have changed."""
        self._move(lambda: None)

    @guarded
    def _move(self, act: Callable[[], None]) -> None:
        """Change the query and show what follows from it."""
        act()
        self.refresh()

    def _show_class(self, number: int, part: int) -> None:
        self._class, self._part = number, part
        self.class_browser.view = class_browser_view(self.state, number, part)

    def select(self, rows: ArrayLike) -> None:
        """Select tiles that the browser does not know yet."""
        self.state.select(rows)
        selected = self.state.selection.astype(np.int32)
        self.legend.send({"kind": "selected"}, buffers=[selected.tobytes()])
        self._show_picked()

    def _show_picked(self) -> None:
        self._num_selected = MAX_SELECTED_CARDS
        self.export.selected = len(self.state.selection)
        self._show_tab()


def box(name: str, children: list[Any]) -> ipywidgets.Box:
    """Stack panels in a box with a CSS class."""
    made = ipywidgets.Box(children)
    made.add_class(name)
    return made
