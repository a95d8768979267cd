"""What a visitor does in the planes, in words that tests share."""

import numpy as np
from browser.steps import SPACES, on_stage, open_page, plane_named

PLANES = tuple(SPACES)
ROUND = 40  # corners of a drawn line

# What panels tell each other, kept for the test to read.
LISTEN = """() => {
  const isHeard = "told" in window;
  window.told = [];
  if (isHeard) return;
  window.addEventListener("rsh-page", ({ detail }) => {
    const { kind, row, rows, value, coloring } = detail;
    window.told.push({ kind, row, value, by: coloring?.by, rows: rows && [...rows],
      values: coloring && [...coloring.values], missing: coloring?.num_values });
  });
}"""
LAST = "kind => window.told.filter(each => each.kind === kind).at(-1)"

IMAGE = "canvas => canvas.toDataURL()"

# The pixels around a place of a stage, in CSS pixels.
PIXELS = """(stage, [x, y]) => {
  const canvas = stage.querySelector("canvas");
  const ratio = canvas.width / stage.clientWidth;
  const side = Math.round(5 * ratio);
  const left = Math.round(x * ratio - side / 2);
  const top = Math.round(y * ratio - side / 2);
  return [...canvas.getContext("2d").getImageData(left, top, side, side).data];
}"""


def open_planes(visit, server, **options):
    return watch_planes(open_page(visit, server, **options))


def watch_planes(page):
    """Note from now on what panels tell each other."""
    page.evaluate(LISTEN)
    wait_until_drawn(page)
    return page


def wait_until_drawn(page):
    page.wait_for_timeout(50)
    page.wait_for_function(
        """[...document.querySelectorAll('.rsh-stage')].every(
          each => !each.clientWidth || each.dataset.drawn === 'yes')"""
    )


def last(page, kind):
    return page.evaluate(LAST, kind)


def xy_of(gallery, name):
    space = SPACES[name]
    if space == "world":
        return gallery.items[["longitude", "latitude"]].to_numpy(dtype=float)
    return gallery.projection[[f"{space}_x", f"{space}_y"]].to_numpy(dtype=float)


def places(page, gallery, name):
    """Where a plane draws each row, in CSS pixels from the corner of its stage."""
    stage = plane_named(page, name)
    stage.scroll_into_view_if_needed()
    xy, box = xy_of(gallery, name), stage.bounding_box()
    spots = [on_stage(xy, row, box, name == "World") for row in range(len(xy))]
    return stage, box, np.array([[spot["x"], spot["y"]] for spot in spots])


def corner(box):
    return np.array([box["x"], box["y"]])


def circle(center, radius):
    angles = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
    return center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw(page, box, line):
    """Drag along a line of places on a stage."""
    line = line + corner(box)
    page.mouse.move(*line[0])
    page.mouse.down()
    for place in line[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def enclosed(line, spots):
    """Whether each spot lies inside a polygon: sum the angles under which it sees the corners."""
    rays = line[None] - spots[:, None]
    angles = np.arctan2(rays[..., 1], rays[..., 0])
    turns = np.diff(np.concatenate([angles, angles[:, :1]], axis=1))
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    return np.abs(turns.sum(axis=1)) > np.pi
