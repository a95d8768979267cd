"""What visitors did, in words."""

from rsh.gallery.annotations.events import (
    Change,
    ClassChange,
    ClassOrder,
    Event,
    Final,
    GroupChange,
    MemberChange,
    Reversal,
    SetChange,
)
from rsh.gallery.annotations.state import AnnotationState
from rsh.text import escape_control_chars, plural


def describe_event(event: Event, state: AnnotationState) -> str:
    """Say what an event did, such as "gave 3 tiles the class forest", on one line."""
    many = [change for change in event.changes if not isinstance(change, ClassOrder)]
    told = ", ".join(_describe_change(change, state) for change in many or event.changes)
    return escape_control_chars(told)


def _describe_change(change: Change, state: AnnotationState) -> str:
    match change:
        case ClassChange():
            tiles = plural(len(change.tiles), "tile")
            if not change.name:
                return f"took the class of {tiles} away"
            return f"gave {tiles} the class {change.name}"
        case MemberChange():
            tiles, name = plural(len(change.tiles), "tile"), state.set_name(change.set)
            how = "put {} into the set {}" if change.is_member else "took {} out of the set {}"
            return how.format(tiles, name)
        case SetChange():
            return _describe_set(change, state)
        case GroupChange():
            return f"named a group {change.name}" if change.name else "took a group's name away"
        case ClassOrder():
            return "changed which classes there are"
        case Reversal():
            target = state.find_event(change.event)
            is_known = target and not isinstance(target.changes[0], Reversal)  # no circles
            what = describe_event(target, state) if target and is_known else "an event"
            return f"{'redid' if change.is_redo else 'undid'}: {what}"
        case Final():
            return "compacted the log"
    return "did what a later version of rsh knows"


def _describe_set(change: SetChange, state: AnnotationState) -> str:
    name = state.set_name(change.set)
    if change.is_deleted:
        return f"deleted the set {name}"
    if change.name is not None:
        is_first = state.is_creation(change)
        return f"created the set {change.name}" if is_first else f"renamed a set to {change.name}"
    return f"colored the set {name}"
