// All points of a plane, drawn by our own hand into the memory of a canvas: small discs with soft
// edges, mixed with what lies below. That takes 2 ms for 20,000 points and 7 ms for 100,000, where
// as many calls of the canvas take 50 times that, and WebGL without a graphics card 10 times. A
// million is drawn in slices, frame by frame. Rows are shuffled by a hash of their ids, so that any
// slice is a fair sample, and no class lies over another because it comes later.

const BATCH = 8192; // points between two looks at the clock
const EDGE = 0.7; // CSS pixels of a thin line around a dot
const RING = 1.2; // CSS pixels of that around a selected one

// CSS pixels, by how many points are on the screen: many are small, and grow as one zooms in.
export function dotRadius(count) {
  return Math.min(Math.max(4 - Math.log10(Math.max(count, 1) / 500), 1), 5);
}

// A disc, or a ring from `inner` on, as offsets into the memory of a canvas and how much of each
// pixel it covers, 0 to 256.
function maskOf(radius, width, alpha, inner = 0) {
  const reach = Math.ceil(radius + 0.5);
  const [offsets, covers] = [[], []];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const [far, near] = [radius, inner].map((edge) => Math.min(Math.max(edge + 0.5 - Math.hypot(dx, dy), 0), 1));
      const cover = Math.round((inner ? far - near : far) * alpha * 256);
      if (cover < 8) continue;
      offsets.push(dy * width + dx);
      covers.push(cover);
    }
  }
  return { offsets: Int32Array.from(offsets), covers: Int32Array.from(covers) };
}

// Red and blue are mixed in one multiplication, green in another; all pixels stay opaque.
function stamp(pixels, at, { offsets, covers }, color) {
  const [redBlue, green] = [color & 0xff00ff, color & 0xff00];
  for (let place = 0; place < offsets.length; place++) {
    const [there, cover] = [at + offsets[place], covers[place]];
    const [oldRedBlue, oldGreen] = [pixels[there] & 0xff00ff, pixels[there] & 0xff00];
    pixels[there] =
      0xff000000 |
      ((oldRedBlue + (Math.imul(redBlue - oldRedBlue, cover) >>> 8)) & 0xff00ff) |
      ((oldGreen + (Math.imul(green - oldGreen, cover) >>> 8)) & 0xff00);
  }
}

export class Dots {
  constructor(canvas) {
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.passes = [];
  }

  // Begins an image; `ground(pen)` paints what lies below, in CSS pixels. A pass has
  //   rows      which to draw, or null for all
  //   from, to  of those the ones with a value from `from` to below `to`; without, any value
  //   radius    CSS pixels
  //   alpha     0 to 1
  //   edge      pixel color of a thin line around each dot, or null
  //   color    pixel color of all, or null for that of their values
  start(view, { values, table }, passes, ratio, ground) {
    const { canvas } = this.pen;
    const reach = Math.max(...passes.map(({ radius }) => radius), 1) + RING;
    this.margin = Math.ceil(reach * ratio) + 2; // so that dots at the border need no cutting
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    ground(this.pen);
    const { margin } = this;
    this.image = this.pen.getImageData(-margin, -margin, canvas.width + 2 * margin, canvas.height + 2 * margin);
    const { width } = this.image;
    this.pixels = new Uint32Array(this.image.data.buffer);
    Object.assign(this, { view, values, table, ratio });
    this.passes = passes.map((pass) => ({
      ...pass,
      step: 0,
      count: pass.rows?.length ?? view.count,
      mask: maskOf(pass.radius * ratio, width, pass.alpha),
      around:
        pass.edge === null ? null : maskOf((pass.radius + EDGE) * ratio, width, pass.alpha * 0.6, pass.radius * ratio),
    }));
  }

  // Draws on until a moment of performance.now(), and shows it. Returns whether all is drawn.
  advance(until) {
    if (!this.passes.length) return true;
    while (this.passes.length) {
      const pass = this.passes[0];
      const end = Math.min(pass.step + BATCH, pass.count);
      this.draw(pass, pass.step, end);
      pass.step = end;
      if (end === pass.count) this.passes.shift();
      if (performance.now() > until) break;
    }
    const { margin } = this;
    const { width, height } = this.pen.canvas;
    this.pen.putImageData(this.image, -margin, -margin, margin, margin, width, height);
    return this.passes.length === 0;
  }

  draw({ rows, from = 0, to = Infinity, mask, around, edge, color = null }, start, end) {
    const { pixels, values, table, ratio, margin } = this;
    const { xy, scale, center, size } = this.view;
    const { width } = this.image;
    const [right, bottom] = [size[0] * ratio + 1, size[1] * ratio + 1];
    const grow = scale * ratio;
    const [shiftX, shiftY] = [(size[0] / 2) * ratio - center[0] * grow, (size[1] / 2) * ratio + center[1] * grow];
    for (let step = start; step < end; step++) {
      const row = rows ? rows[step] : step;
      const x = xy[2 * row] * grow + shiftX;
      const y = shiftY - xy[2 * row + 1] * grow;
      // Written so that NaN, a tile without a place, fails it.
      if (!(x > -1 && y > -1 && x < right && y < bottom)) continue;
      const value = values[row];
      if (value < from || value >= to) continue;
      const at = (Math.round(y) + margin) * width + Math.round(x) + margin;
      stamp(pixels, at, mask, color ?? table[value]);
      if (around) stamp(pixels, at, around, edge);
    }
  }
}

// The passes of an image. `only` is a value to bring out, or null; `selected` are rows.
export function passesOf({ layers, ends, num_values: missing }, { only, selected, radius, world, edge, ink }) {
  const dim = only !== null || selected.length > 0;
  // Values on a scale are read by their shade, so that they must not mix with what is below.
  const full = ends.length ? 0.9 : world ? 0.65 : 0.45;
  const all = layers.map(([from, to]) => {
    const unknown = from === missing;
    const alpha = dim ? (world ? 0.16 : 0.1) : unknown ? 0.35 : full;
    return {
      rows: null,
      from,
      to,
      radius: unknown ? radius * 0.85 : radius,
      alpha,
      edge: dim || unknown || ends.length ? null : edge,
    };
  });
  if (only !== null) all.push({ rows: null, from: only, to: only + 1, radius, alpha: 0.95, edge });
  if (selected.length) {
    // All outlines first and all dots after: a crowd gets one outline, and keeps its colors.
    all.push({ rows: selected, radius: radius + RING, alpha: 1, edge: null, color: ink });
    all.push({ rows: selected, radius, alpha: 1, edge: null });
  }
  return all;
}
