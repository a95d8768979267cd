// What all panels share: making elements, talking to each other, colors, bits, images.

// Text goes in as text alone: class names come from folders and may hold anything.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") node.style.cssText = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Panels tell each other what the pointer is on. This stays in the browser, because a trip to
// Python and back would be felt; the page's name keeps two pages in one notebook apart.
export function tell(model, kind, detail) {
  window.dispatchEvent(new CustomEvent("rsh-page", { detail: { ...detail, page: model.get("page"), kind } }));
}

export function listen(model, handlers) {
  const hear = ({ detail }) => {
    if (detail.page === model.get("page")) handlers[detail.kind]?.(detail);
  };
  window.addEventListener("rsh-page", hear);
  return () => window.removeEventListener("rsh-page", hear);
}

export function choose(model, row) {
  tell(model, "busy", {});
  model.send({ kind: "choose", row });
}

// A mark says "more like this" or "less like this"; a second time it is taken away.
export function mark(model, row, sign) {
  tell(model, "busy", {});
  model.send({ kind: "mark", row, sign });
}

// Hexadecimal digits to an array of 0 and 1, the highest bit of the first digit first.
export function bitsOf(code, numBits) {
  const bits = [...code].flatMap((digit) => {
    const value = parseInt(digit, 16);
    return [(value >> 3) & 1, (value >> 2) & 1, (value >> 1) & 1, value & 1];
  });
  return bits.slice(0, numBits);
}

export function countDifferent(bits, others) {
  return bits.reduce((sum, bit, place) => sum + (bit !== others[place]), 0);
}

export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// The bytes of a trait as an array of numbers; they may begin anywhere in a message.
export function bytesAs(Type, bytes) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

// JPEG bytes to object URLs; a panel revokes them when it shows others, or they pile up.
export class Images {
  constructor() {
    this.urls = [];
  }

  url(bytes) {
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    this.urls.push(url);
    return url;
  }

  revoke() {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
  }
}

// What the browser remembers from visit to visit; one that may not remember forgets quietly.
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // storage is forbidden here
  }
}

export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

// Calls `draw` now, and again whenever one of the traits changes. Returns the way to stop.
export function redrawOn(model, names, draw) {
  names.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
}
