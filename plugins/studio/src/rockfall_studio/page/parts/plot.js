// A line chart: curves on a canvas, axes and the marked point in SVG above it.

import { h, replace, s } from "./dom.js";

const HEIGHT = 260;
const MARGIN = { left: 58, right: 14, top: 12, bottom: 40 };
const REST = 120; // milliseconds between two drawings of one chart
const TICK_EVERY = { x: 64, y: 42 }; // pixels, at least
export const COLOURS = 10; // --curve-0 … of style.css

// Charts are drawn one a frame, so that several that change together hold nothing up.
const waiting = new Set();
let frame = 0;
function draw() {
  frame = 0;
  const now = performance.now();
  const next = [...waiting].find((plot) => now - plot.drawnAt >= REST);
  if (next) {
    waiting.delete(next);
    next.draw();
    next.drawnAt = performance.now();
  }
  if (waiting.size) frame = requestAnimationFrame(draw);
}

/** A curve: {name, colour (its number), dashed, x, y (typed arrays, x ascending), faint: {x, y} or null}. */
export class Plot {
  #curves = [];
  #options = { across: "", logX: false, logY: false };
  #box = null; // the drawn range and size
  #marked = null; // {curve, index}
  #colours = null;
  drawnAt = -REST;

  /** label: what screen readers are told it is. */
  constructor(label) {
    this.canvas = h("canvas", { "aria-hidden": true });
    this.svg = s("svg", { "aria-hidden": true });
    this.tip = h("div", { class: "tip number", role: "status", hidden: true });
    this.element = h(
      "div",
      {
        class: "plot",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "chart",
        "aria-label": `${label}: left and right go along a curve, up and down to another one`,
        onpointermove: (event) => this.#point(event),
        onpointerleave: () => this.#mark(null),
        onblur: () => this.#mark(null),
        onkeydown: (event) => this.#key(event),
        style: { height: `${HEIGHT}px` },
      },
      this.canvas,
      this.svg,
      this.tip,
    );
    this.sizes = new ResizeObserver(() => this.#later());
    this.sizes.observe(this.element);
    this.redraw = () => ((this.#colours = null), this.#later());
    this.themes = new MutationObserver(this.redraw);
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", this.redraw);
  }

  /** options: {across: what is counted from left to right, logX, logY}. */
  show(curves, options) {
    const marked = this.#marked && curves.find((each) => each.name === this.#marked.curve.name);
    this.#marked = marked ? { curve: marked, index: Math.min(this.#marked.index, marked.x.length - 1) } : null;
    this.#curves = curves;
    this.#options = options;
    this.#later();
  }

  close() {
    this.sizes.disconnect();
    this.themes.disconnect();
    this.dark.removeEventListener("change", this.redraw);
    waiting.delete(this);
  }

  #later() {
    waiting.add(this);
    frame ||= requestAnimationFrame(draw);
  }

  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const { logX, logY, across } = this.#options;
    const x = range(this.#curves, "x", logX, 0);
    const y = range(this.#curves, "y", logY, 0.06);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    this.#box = x && y && { x, y, inner, toX: scale(x, logX, MARGIN.left, inner.width), toY: scale(y, logY, MARGIN.top + inner.height, -inner.height) };
    this.#axes(width, across);
    this.#lines(width);
    this.#mark(this.#marked);
  }

  #axes(width, across) {
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", HEIGHT);
    this.marker = s("circle", { r: 4, class: "marker", visibility: "hidden" });
    if (!this.#box) {
      replace(this.svg, s("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, "nothing is logged yet"));
      return;
    }
    const { x, y, inner, toX, toY } = this.#box;
    const { logX, logY } = this.#options;
    const bottom = MARGIN.top + inner.height;
    const right = MARGIN.left + inner.width;
    const parts = [];
    for (const tick of ticks(y, logY, inner.height / TICK_EVERY.y)) {
      const at = toY(tick);
      parts.push(s("line", { x1: MARGIN.left, x2: right, y1: at, y2: at, class: "grid" }));
      parts.push(s("text", { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, short(tick)));
    }
    for (const tick of ticks(x, logX, inner.width / TICK_EVERY.x)) {
      const at = toX(tick);
      parts.push(s("line", { x1: at, x2: at, y1: bottom, y2: bottom + 5, class: "axis" }));
      parts.push(s("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, short(tick)));
    }
    parts.push(s("line", { x1: MARGIN.left, x2: right, y1: bottom, y2: bottom, class: "axis" }));
    parts.push(s("text", { x: right, y: HEIGHT - 5, "text-anchor": "end" }, across));
    replace(this.svg, ...parts, this.marker);
  }

  #lines(width) {
    const ratio = devicePixelRatio || 1;
    const size = { width: Math.round(width * ratio), height: Math.round(HEIGHT * ratio) };
    if (this.canvas.width !== size.width || this.canvas.height !== size.height) Object.assign(this.canvas, size);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    if (!this.#box) return;
    const { inner, toX, toY } = this.#box;
    const style = this.#colours ? null : getComputedStyle(this.element);
    this.#colours ??= Array.from({ length: COLOURS }, (_, number) => style.getPropertyValue(`--curve-${number}`));
    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top - 4, inner.width + 4, inner.height + 6);
    pen.clip();
    pen.lineJoin = "round";
    for (const curve of this.#curves) {
      pen.strokeStyle = this.#colours[curve.colour % COLOURS];
      pen.setLineDash(curve.dashed ? [5, 4] : []);
      if (curve.faint) {
        pen.globalAlpha = 0.25;
        pen.lineWidth = 1;
        path(pen, curve.faint, toX, toY, this.#options);
      }
      pen.globalAlpha = 1;
      pen.lineWidth = 1.8;
      path(pen, curve, toX, toY, this.#options);
    }
    pen.restore();
  }

  #point(event) {
    if (!this.#box) return;
    const { left, top } = this.element.getBoundingClientRect();
    const [px, py] = [event.clientX - left, event.clientY - top];
    const { toX, toY } = this.#box;
    let best = null;
    for (const curve of this.#curves) {
      const index = nearest(curve.x, toX, px);
      if (index < 0) continue;
      const distance = Math.hypot((toX(curve.x[index]) - px) * 2, toY(curve.y[index]) - py);
      if (!best || distance < best.distance) best = { curve, index, distance };
    }
    this.#mark(best);
  }

  #key(event) {
    const curves = this.#curves.filter((curve) => curve.x.length);
    if (!curves.length) return;
    const marked = this.#marked ?? { curve: curves[0], index: curves[0].x.length - 1 };
    const number = curves.indexOf(marked.curve);
    const stride = event.shiftKey ? 10 : 1;
    let { curve, index } = marked;
    if (event.key === "ArrowLeft") index -= stride;
    else if (event.key === "ArrowRight") index += stride;
    else if (event.key === "Home") index = 0;
    else if (event.key === "End") index = curve.x.length - 1;
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const by = event.key === "ArrowUp" ? -1 : 1;
      const x = curve.x[index];
      curve = curves[(number + by + curves.length) % curves.length];
      index = nearest(curve.x, (value) => value, x);
    } else if (event.key === "Escape") return this.#mark(null);
    else return;
    event.preventDefault();
    this.#mark({ curve, index: Math.max(0, Math.min(curve.x.length - 1, index)) });
  }

  #mark(marked) {
    this.#marked = marked;
    this.tip.hidden = !marked || !this.#box;
    this.marker?.setAttribute("visibility", this.tip.hidden ? "hidden" : "visible");
    if (this.tip.hidden) return;
    const { curve, index } = marked;
    const { toX, toY } = this.#box;
    const [x, y] = [toX(curve.x[index]), toY(curve.y[index])];
    this.marker.setAttribute("cx", x);
    this.marker.setAttribute("cy", y);
    this.marker.style.fill = `var(--curve-${curve.colour % COLOURS})`;
    const text = `${curve.name} · ${this.#options.across} ${exact(curve.x[index])} · ${exact(curve.y[index])}`;
    if (this.tip.textContent !== text) this.tip.textContent = text;
    const right = x > this.element.clientWidth / 2;
    this.tip.style.left = right ? "" : `${x + 12}px`;
    this.tip.style.right = right ? `${this.element.clientWidth - x + 12}px` : "";
    this.tip.style.top = `${Math.max(0, y - 34)}px`;
  }
}

function path(pen, { x, y }, toX, toY, { logX, logY }) {
  let down = false;
  pen.beginPath();
  for (let i = 0; i < x.length; i++) {
    if ((logX && x[i] <= 0) || (logY && y[i] <= 0)) {
      down = false;
      continue;
    }
    if (down) pen.lineTo(toX(x[i]), toY(y[i]));
    else pen.moveTo(toX(x[i]), toY(y[i]));
    down = true;
  }
  pen.stroke();
  if (x.length === 1 && down) {
    pen.beginPath();
    pen.arc(toX(x[0]), toY(y[0]), 2.5, 0, 7);
    pen.stroke();
  }
}

/** [lowest, highest] of all curves, wider by a share; null if there is nothing to draw. */
function range(curves, axis, log, share) {
  let [low, high] = [Infinity, -Infinity];
  for (const curve of curves) {
    for (const values of curve.faint ? [curve[axis], curve.faint[axis]] : [curve[axis]]) {
      const ends = extremes(values, log);
      if (ends[0] < low) low = ends[0];
      if (ends[1] > high) high = ends[1];
    }
  }
  if (low > high) return null;
  if (log) {
    const room = low === high ? 2 : (high / low) ** share;
    return [low / room, high * room];
  }
  const room = low === high ? Math.abs(low) / 2 || 1 : (high - low) * share;
  return axis === "x" && low !== high ? [low, high] : [low - room, high + room];
}

const known = new WeakMap(); // values → [[lowest, highest], of those above 0]
function extremes(values, log) {
  if (!known.has(values)) {
    const found = [[Infinity, -Infinity], [Infinity, -Infinity]];
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      for (const ends of value > 0 ? found : [found[0]]) {
        if (value < ends[0]) ends[0] = value;
        if (value > ends[1]) ends[1] = value;
      }
    }
    known.set(values, found);
  }
  return known.get(values)[Number(log)];
}

function scale([low, high], log, from, length) {
  if (log) {
    const [a, b] = [Math.log(low), Math.log(high)];
    return (value) => from + ((Math.log(value) - a) / (b - a)) * length;
  }
  return (value) => from + ((value - low) / (high - low)) * length;
}

/** Round numbers in a range: multiples of 1, 2 or 5 times a power of ten; on a log axis powers of ten,
with 2 and 5 times these where there is room. */
export function ticks([low, high], log, most) {
  most = Math.max(2, most);
  const found = [];
  if (log && high / low >= 8) {
    const decades = Math.log10(high / low);
    const every = Math.max(1, Math.ceil(decades / most));
    const within = decades * 3 <= most ? [1, 2, 5] : [1];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      if (power % every) continue;
      for (const each of within) found.push(each * 10 ** power);
    }
    return found.filter((tick) => tick >= low && tick <= high);
  }
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high * (1 + 1e-12) + step * 1e-9; n++)
    found.push(Number((n * step).toFixed(Math.min(digits, 20))));
  return found;
}

/** The index of the point of ascending x that is drawn nearest to a place; -1 without any. */
function nearest(x, to, place) {
  let [low, high] = [0, x.length - 1];
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (to(x[middle]) < place) low = middle;
    else high = middle;
  }
  return Math.abs(to(x[low]) - place) <= Math.abs(to(x[high]) - place) ? low : high;
}

/** A tick's label: 12k, 3.5M, 0.02, 1e-7. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9 || (size > 0 && size < 1e-4)) return value.toExponential().replace("e+", "e");
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(6))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(6))}k`;
  return String(Number(value.toPrecision(6)));
}

/** A value as it is told: four digits, and whole numbers in full. */
export function exact(value) {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}
