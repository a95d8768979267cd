"""What a log of annotations says, by slow loops: the reference of `rsh.gallery.annotations`."""

from dataclasses import dataclass, field


@dataclass
class Done:
    """One thing that a visitor did.

    what is ("class", name or "", settles), ("member", set, whether in), ("name", set, name),
    ("color", set, color), ("delete", set) or ("group", key, name), each with tiles or without.
    """

    visitor: str
    whats: list[tuple]
    tiles: frozenset[int]
    undone: bool = False


@dataclass
class Reference:
    log: list[Done] = field(default_factory=list)
    undone: dict[str, list[Done]] = field(default_factory=dict)

    def do(self, visitor: str, *whats: tuple, tiles=()) -> None:
        self.log.append(Done(visitor, list(whats), frozenset(tiles)))
        self.undone[visitor] = []

    def undo(self, visitor: str) -> bool:
        for done in reversed(self.log):
            if done.visitor == visitor and not done.undone:
                done.undone = True
                self.undone.setdefault(visitor, []).append(done)
                return True
        return False

    def redo(self, visitor: str) -> bool:
        if not self.undone.get(visitor):
            return False
        self.undone[visitor].pop().undone = False
        return True

    def said(self, kind: str):
        """Yield what is in effect: visitor, the rest of what was done, tiles."""
        for done in self.log:
            for what in done.whats:
                if what[0] == kind and not done.undone:
                    yield done.visitor, what[1:], done.tiles

    def classes(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for _, (name, _), tiles in self.said("class"):
            for tile in tiles:
                found[tile] = name
        return {tile: name for tile, name in found.items() if name}

    def conflicts(self) -> dict[int, dict[str, str]]:
        found = {}
        for tile in {tile for done in self.log for tile in done.tiles}:
            by_person: dict[str, str] = {}
            for visitor, (name, settles), tiles in self.said("class"):
                if tile in tiles:
                    if settles or not name:
                        by_person = {}
                    if name:
                        by_person[visitor] = name
            if len(set(by_person.values())) > 1:
                found[tile] = by_person
        return found

    def sets(self) -> dict[str, tuple[str, str, set[int]]]:
        """Return name, color and tiles of each set, by key, before equal names are told apart."""
        keys = []
        for done in self.log:
            for what in done.whats:
                if what[0] in ("member", "name", "color", "delete") and what[1] not in keys:
                    keys.append(what[1])
        return {key: self.one_set(key) for key in keys if self.exists(key)}

    def exists(self, key: str) -> bool:
        if any(what[0] == key for _, what, _ in self.said("delete")):
            return False
        put = any(what == (key, True) for _, what, _ in self.said("member"))
        about = any(what[0] == key for kind in ("name", "color") for _, what, _ in self.said(kind))
        return put or about

    def one_set(self, key: str) -> tuple[str, str, set[int]]:
        first = next(w[2] for done in self.log for w in done.whats if w[:2] == ("name", key))
        names = [what[1] for _, what, _ in self.said("name") if what[0] == key]
        colors = [what[1] for _, what, _ in self.said("color") if what[0] == key]
        members: set[int] = set()
        for _, (which, is_in), tiles in self.said("member"):
            if which == key:
                members = members | tiles if is_in else members - tiles
        return [first, *names][-1], ["", *colors][-1], members

    def groups(self) -> dict[str, str]:
        found = {key: name for _, (key, name), _ in self.said("group")}
        return {key: name for key, name in found.items() if name}
