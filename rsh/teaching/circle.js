// Points on a circle, one a view. Turned by pointer or arrow keys; Python answers with the arrows.
const NS = "http://www.w3.org/2000/svg";
const COLORS = ["#0072B2", "#D55E00", "#009E73"];
const LABELS = {
  total: "all, weighted",
  category: "category (features)",
  inter: "inter-class (codes, one branch)",
  intra: "intra-class (codes, two branches)",
  quantization: "quantization",
};
const [SIZE, RADIUS] = [460, 165];
const LONGEST = 70; // pixels of the longest arrow

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const at = (degree, radius) => [
  radius * Math.cos((degree * Math.PI) / 180),
  -radius * Math.sin((degree * Math.PI) / 180),
];

const codeOf = (degree) => {
  const [x, y] = at(degree, 1);
  return `${x >= -1e-9 ? 1 : 0}${-y >= -1e-9 ? 1 : 0}`; // a sign of 0 is 1
};

// A class is told by shape as well as by color; a view of branch 1 is hollow.
function mark(kind, hollow) {
  const paint = {
    fill: hollow ? "var(--jp-layout-color0, white)" : COLORS[kind],
    stroke: COLORS[kind],
    "stroke-width": 3.5,
  };
  if (kind === 1) return svg("rect", { x: -8, y: -8, width: 16, height: 16, ...paint });
  if (kind === 2) return svg("path", { d: "M0,-11 L10,8 L-10,8 Z", ...paint });
  return svg("circle", { r: 9, ...paint });
}

function ground() {
  const group = svg("g", { class: "rsh-ground" });
  group.append(svg("circle", { r: RADIUS, class: "rsh-rim" }));
  group.append(svg("line", { x1: -215, x2: 215, y1: 0, y2: 0 }), svg("line", { y1: -215, y2: 215, x1: 0, x2: 0 }));
  for (const degree of [45, 135, 225, 315]) {
    const [x, y] = at(degree, 82);
    group.append(svg("text", { x, y: y + 8, "text-anchor": "middle" }, codeOf(degree)));
  }
  return group;
}

function render({ model, el }) {
  // Each widget loads this text anew, so only chance tells two of them on a page apart.
  const number = Math.random().toString(36).slice(2);
  const root = document.createElement("div");
  root.className = "rsh-circle";
  const half = SIZE / 2;
  const plane = svg("svg", {
    viewBox: `${-half} ${-half} ${SIZE} ${SIZE}`,
    role: "group",
    "aria-label": "Circle of points",
  });
  const head = svg("marker", {
    id: `rsh-arrow-${number}`,
    viewBox: "0 0 8 8",
    refX: 6,
    refY: 4,
    markerWidth: 5,
    markerHeight: 5,
    orient: "auto-start-reverse",
  });
  head.append(svg("path", { d: "M0,0 L8,4 L0,8 Z", class: "rsh-arrow-head" }));
  const twins = svg("g", { class: "rsh-twins" });
  const arrows = svg("g", { class: "rsh-arrows" });
  const points = svg("g", {});
  plane.append(svg("defs", {}, head), ground(), twins, arrows, points);
  const count = model.get("degrees").length;
  const images = count / 2;

  const nodes = model.get("degrees").map((_, place) => {
    const kind = model.get("classes")[place];
    const name = model.get("names")[kind];
    const first = model.get("classes").indexOf(kind);
    const label = `${name}, image ${(place % images) - first + 1}, branch ${place < images ? 0 : 1}`;
    const node = svg("g", {
      class: "rsh-point",
      tabindex: 0,
      role: "slider",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": 359,
    });
    node.append(svg("title", {}, label), svg("circle", { r: 16, class: "rsh-touch" }), mark(kind, place >= images));
    node.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: 5, ArrowUp: 5, ArrowRight: -5, ArrowDown: -5 }[event.key];
      if (!turn) return;
      event.preventDefault();
      event.stopPropagation();
      move(place, model.get("degrees")[place] + (event.shiftKey ? turn / 5 : turn));
    });
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      node.focus();
      node.setPointerCapture(event.pointerId);
    });
    node.addEventListener("pointermove", (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      const box = plane.getBoundingClientRect();
      const x = event.clientX - box.left - box.width / 2;
      const y = event.clientY - box.top - box.height / 2;
      move(place, (Math.atan2(-y, x) * 180) / Math.PI);
    });
    points.append(node);
    return node;
  });

  // At most one message a frame: dragging must not outrun Python.
  let waiting = false;
  function move(place, degree) {
    const degrees = [...model.get("degrees")];
    degrees[place] = ((degree % 360) + 360) % 360;
    model.set("degrees", degrees);
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      model.save_changes();
    });
  }

  function drawPoints() {
    const degrees = model.get("degrees");
    nodes.forEach((node, place) => {
      const [x, y] = at(degrees[place], RADIUS);
      node.setAttribute("transform", `translate(${x},${y})`);
      node.setAttribute("aria-valuenow", Math.round(degrees[place]) % 360);
      node.setAttribute(
        "aria-valuetext",
        `${Math.round(degrees[place]) % 360} degrees, code ${codeOf(degrees[place])}`,
      );
    });
    const chords = degrees.slice(0, images).map((degree, place) => {
      const [[x1, y1], [x2, y2]] = [at(degree, RADIUS), at(degrees[place + images], RADIUS)];
      return svg("line", { x1, y1, x2, y2 });
    });
    twins.replaceChildren(...chords);
  }

  function drawArrows() {
    const [degrees, slopes] = [model.get("degrees"), model.get("arrows")];
    const longest = Math.max(...slopes.map(Math.abs), 1e-9);
    // arrows keep their scale near the end of the way, where the longest is short, too
    const scale = LONGEST / Math.max(longest, 0.05);
    const drawn = slopes.flatMap((slope, place) => {
      const length = scale * slope;
      if (Math.abs(length) < 4) return [];
      const [x, y] = at(degrees[place], RADIUS + 24);
      const [dx, dy] = at(degrees[place] + 90, length);
      return [svg("line", { x1: x, y1: y, x2: x + dx, y2: y + dy, "marker-end": `url(#rsh-arrow-${number})` })];
    });
    arrows.replaceChildren(...drawn);
    caption.textContent =
      longest < 1e-4
        ? "No arrow: this term pushes nothing."
        : `The longest arrow is a slope of ${longest.toPrecision(2)} nats a radian.`;
  }

  const side = document.createElement("div");
  const table = document.createElement("table");
  const title = document.createElement("caption");
  title.textContent = "Terms of the loss: choose whose arrows to see";
  const header = document.createElement("tr");
  for (const words of ["arrows of", "value", "weight", "adds"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = words;
    header.append(cell);
  }
  const body = document.createElement("tbody");
  const cells = new Map();
  for (const [term, words] of Object.entries(LABELS)) {
    const row = document.createElement("tr");
    const label = document.createElement("label");
    const choice = document.createElement("input");
    Object.assign(choice, { type: "radio", name: `rsh-term-${number}`, value: term });
    choice.addEventListener("change", () => {
      model.set("term", term);
      model.save_changes();
    });
    label.append(choice, ` ${words}`);
    const first = document.createElement("th");
    first.scope = "row";
    first.append(label);
    const rest = [1, 2, 3].map(() => document.createElement("td"));
    const bar = document.createElement("i");
    cells.set(term, [choice, ...rest, bar]);
    row.append(first, ...rest);
    body.append(row);
  }
  const thead = document.createElement("thead");
  thead.append(header);
  table.append(title, thead, body);
  const key = document.createElement("ul");
  key.className = "rsh-key";
  model.get("names").forEach((name, kind) => {
    const item = document.createElement("li");
    item.append(svg("svg", { viewBox: "-12 -12 24 24", "aria-hidden": "true" }, mark(kind, false)), ` ${name}`);
    key.append(item);
  });
  const hint = document.createElement("li");
  hint.textContent = "filled: branch 0, hollow: branch 1; a line joins the two views of an image";
  key.append(hint);
  const caption = document.createElement("p");
  side.append(key, table, caption);

  function drawTerms() {
    const [values, weights] = [model.get("values"), model.get("weights")];
    for (const [term, [choice, value, weight, adds, bar]] of cells) {
      choice.checked = model.get("term") === term;
      const added = term === "total" ? values.total : values[term] * weights[term];
      value.textContent = term === "total" ? "" : values[term].toFixed(3);
      weight.textContent = term === "total" ? "" : weights[term].toFixed(1);
      adds.textContent = added.toFixed(3);
      bar.style.width = `${Math.min(100, (100 * added) / Math.max(values.total, 1e-9))}%`;
      adds.append(bar);
    }
  }

  const follow = [
    ["degrees", drawPoints],
    ["arrows", drawArrows],
    ["values", drawTerms],
    ["weights", drawTerms],
    ["term", drawTerms],
  ];
  follow.forEach(([name, draw]) => model.on(`change:${name}`, draw));
  drawPoints();
  drawArrows();
  drawTerms();
  root.append(plane, side);
  el.append(root);
  return () => follow.forEach(([name, draw]) => model.off(`change:${name}`, draw));
}

export default { render };
