// All points of a plane: copied sprites, or for very many points single pixels.

const MANY = 20_000; // from here on sprites are too slow to zoom with, and edges too small to see

export function dotRadius(count) {
  return count <= 500 ? 4 : count <= 5000 ? 3 : count <= MANY ? 2.2 : 1.3;
}

// One small picture a class: copying it is far cheaper than an arc a point.
export function makeSprites(ink, radius, ratio, rim) {
  return ink.classes.map((colour) => {
    const side = Math.ceil((2 * radius + 2) * ratio);
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = side;
    const pen = sprite.getContext("2d");
    pen.beginPath();
    pen.arc(side / 2, side / 2, radius * ratio, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
    pen.lineWidth = 0.8 * ratio;
    pen.strokeStyle = rim; // on a picture a dark dot needs an edge
    pen.stroke();
    return sprite;
  });
}

// `only` is a class to bring out, or null; `faint` is how strong points are where none is.
export function drawPoints(pen, view, labels, sprites, { ratio, only, faint, radius }) {
  const draw = view.count > MANY ? pixelDrawer(pen, view, labels, sprites, ratio, radius) : spriteDrawer(pen, view, labels, sprites, ratio);
  const passes = only === null ? [[faint, () => true]] : [[0.07, (label) => label !== only], [0.95, (label) => label === only]];
  for (const [alpha, wanted] of passes) {
    pen.globalAlpha = alpha;
    draw(wanted);
  }
  pen.globalAlpha = 1;
}

// Calls `act(x, y, label)` for each point on the screen, in CSS pixels, in an order that mixes
// the classes: drawn one class after the other, the last would hide the rest.
function eachPoint(view, labels, act) {
  const { xy, count, scale, centre, size } = view;
  const [shiftX, shiftY] = [size[0] / 2 - centre[0] * scale, size[1] / 2 + centre[1] * scale];
  const stride = coprimeStride(count);
  for (let step = 0, row = 0; step < count; step++, row = (row + stride) % count) {
    const x = xy[2 * row] * scale + shiftX;
    const y = shiftY - xy[2 * row + 1] * scale;
    // Written so that NaN, a tile without a place, fails it.
    if (x > -9 && y > -9 && x < size[0] + 9 && y < size[1] + 9) act(x, y, labels[row]);
  }
}

function coprimeStride(count) {
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  let stride = Math.max(Math.floor(count * 0.618), 1);
  while (gcd(stride, count) !== 1) stride++;
  return stride;
}

function spriteDrawer(pen, view, labels, sprites, ratio) {
  return (wanted) =>
    eachPoint(view, labels, (x, y, label) => {
      if (!wanted(label)) return;
      const sprite = sprites[label];
      pen.drawImage(sprite, x * ratio - sprite.width / 2, y * ratio - sprite.width / 2);
    });
}

// Whole pixels into memory, then all of them onto the canvas at once: 100,000 points take a few
// hundredths of a second, where as many small pictures take half a second.
function pixelDrawer(pen, view, labels, sprites, ratio, radius) {
  const { width, height } = pen.canvas;
  const colours = sprites.map((sprite) => {
    const middle = Math.floor(sprite.width / 2);
    return new Uint32Array(sprite.getContext("2d").getImageData(middle, middle, 1, 1).data.buffer)[0];
  });
  const offsets = [];
  const reach = Math.max(Math.round(radius * ratio), 1);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) if (Math.hypot(dx, dy) <= reach) offsets.push([dx, dy]);
  }
  const layer = document.createElement("canvas");
  [layer.width, layer.height] = [width, height];
  return (wanted) => {
    const image = new ImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    eachPoint(view, labels, (x, y, label) => {
      if (!wanted(label)) return;
      const [left, top] = [Math.round(x * ratio), Math.round(y * ratio)];
      for (const [dx, dy] of offsets) {
        const [column, line] = [left + dx, top + dy];
        if (column >= 0 && line >= 0 && column < width && line < height) pixels[line * width + column] = colours[label];
      }
    });
    layer.getContext("2d").putImageData(image, 0, 0);
    pen.drawImage(layer, 0, 0);
  };
}
