// Every layer in a row of units, and the strongest connections between them. Each layer is one canvas,
// so that a stroke redraws some dozen canvases and not some hundred elements.

import { h, replace } from "../../parts/dom.js";
import { signedTable } from "./colours.js";

const MAP = { smallest: 30, largest: 56, gap: 5 }; // CSS pixels
const NUMBER = { width: 13, height: 24, gap: 2 };
const MOST_WIDE = 34; // of a number, where there are few
const NAMED = 18; // below a unit, for the name of its class
const EDGE = { thinnest: 0.4, thickest: 2.6 };

/** hovered(layer, unit, box): a unit is pointed at; (null) when none is. opened(layer, unit). paged(layers,
first): other units of these layers are wanted. */
export class Network {
  constructor(events) {
    this.events = events;
    this.lines = h("canvas", { class: "see-edges", "aria-hidden": true });
    this.list = h("ol", { class: "see-layers" });
    this.element = h("div", { class: "see-network" }, this.lines, this.list);
    this.rows = [];
    this.shape = "";
    this.over = null; // {row, unit} that is pointed at
    this.sizes = new ResizeObserver(() => this.width === this.list.clientWidth || requestAnimationFrame(() => this.#laid()));
    this.sizes.observe(this.element);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.#draw();
    this.dark.addEventListener("change", this.repaint);
    this.themes = new MutationObserver(this.repaint);
    this.themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  close() {
    this.sizes.disconnect();
    this.themes.disconnect();
    this.dark.removeEventListener("change", this.repaint);
  }

  /** layers: as the studio tells of them. units: of each a plane (U, H, W). edges: (E, 4), strengths: (E,).
  names: under the last layer where that has one number for each. */
  show(layers, units, edges, strengths, names = []) {
    this.names = names;
    const shape = JSON.stringify(layers.map((layer, index) => [layer.name, layer.units, layer.first, units[index].shape]));
    Object.assign(this, { edges, strengths });
    if (shape !== this.shape) {
      this.shape = shape;
      this.over = null;
      this.rows = layers.map((layer, index) => this.#row(layer, units[index]));
      replace(this.list, this.rows.map((row) => row.element));
      this.rows.forEach((row, index) => Object.assign(row, { plane: units[index] }));
      this.#laid();
      return;
    }
    this.rows.forEach((row, index) => Object.assign(row, { plane: units[index], layer: layers[index] }));
    this.#draw();
  }

  #row(layer, plane) {
    const [count, height, width] = plane.shape;
    const maps = height * width > 1;
    const what = maps ? `${layer.units} ${layer.units === 1 ? "map" : "maps"} of ${layer.size.join(" × ")}` : `${layer.units} ${layer.units === 1 ? "number" : "numbers"}`;
    const canvas = h("canvas", {
      class: "see-units",
      tabindex: "0",
      role: "application",
      "aria-label": `${layer.kind}, ${layer.name}: ${what}; arrow keys choose one, Enter shows how it comes about`,
    });
    const row = { layer, plane, canvas, maps, count, active: 0, boxes: [] };
    const element = h(
      "li",
      { class: "see-layer" },
      h("div", { class: "see-named" }, h("strong", {}, layer.kind), h("span", { class: "quiet small" }, what), h("code", { class: "quiet small" }, layer.name), this.#pager(layer, count)),
      canvas,
    );
    canvas.addEventListener("pointermove", (event) => this.#point(row, event.offsetX, event.offsetY));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("blur", () => this.#leave());
    canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && this.#at(row, row.active));
    canvas.addEventListener("click", (event) => {
      const unit = unitAt(row, event.offsetX, event.offsetY);
      if (unit !== null) this.#open(row, unit);
    });
    canvas.addEventListener("keydown", (event) => this.#key(row, event));
    return Object.assign(row, { element });
  }

  #pager(layer, count) {
    if (layer.units <= count) return null;
    // With it those of as many units, such as its ReLU, so that they stay connected.
    const alike = () => this.rows.filter((row) => row.layer.units === layer.units).map((row) => row.layer.name);
    const to = (first) => () => this.events.paged(alike(), first);
    return h(
      "span",
      { class: "row small" },
      h("button", { type: "button", "aria-label": `Units before, of ${layer.name}`, disabled: layer.first === 0, onclick: to(Math.max(0, layer.first - count)) }, "‹"),
      `${layer.first + 1}–${layer.first + count} of ${layer.units}`,
      h("button", { type: "button", "aria-label": `Units after, of ${layer.name}`, disabled: layer.first + count >= layer.units, onclick: to(layer.first + count) }, "›"),
    );
  }

  /** Where everything is, of the width that there is. */
  #laid() {
    const room = this.list.clientWidth;
    if (!room) return;
    this.width = room;
    const density = devicePixelRatio || 1;
    for (const row of this.rows) {
      const [count, height, width] = row.plane.shape;
      let wide = NUMBER.width;
      let tall = NUMBER.height;
      let gap = NUMBER.gap;
      if (row.maps) {
        const longer = Math.max(height, width);
        const side = Math.max(MAP.smallest, Math.min(MAP.largest, (room + MAP.gap) / Math.min(count, 24) - MAP.gap));
        [wide, tall, gap] = [Math.max(4, (side * width) / longer), Math.max(4, (side * height) / longer), MAP.gap];
      } else wide = Math.max(NUMBER.width, Math.min(MOST_WIDE, room / count - gap));
      const columns = Math.max(1, Math.floor((room + gap) / (wide + gap)));
      const across = Math.min(columns, count);
      const left = Math.max(0, (room - across * (wide + gap) + gap) / 2);
      row.boxes = Array.from({ length: count }, (_, unit) => ({
        x: left + (unit % columns) * (wide + gap),
        y: Math.floor(unit / columns) * (tall + gap),
        wide,
        tall,
      }));
      row.names = row === this.rows.at(-1) && row.layer.units === this.names.length && columns >= count ? this.names : [];
      row.canvas.style.width = `${room}px`;
      const lower = Math.ceil(count / columns) * (tall + gap) - gap + (row.names.length ? NAMED : 0);
      row.canvas.style.height = `${lower}px`;
      Object.assign(row.canvas, { width: Math.round(room * density), height: Math.round(lower * density) });
    }
    this.#draw();
  }

  #draw() {
    for (const row of this.rows) this.#drawRow(row);
    this.#drawEdges();
  }

  #drawRow(row) {
    if (!row.boxes.length) return;
    const density = devicePixelRatio || 1;
    const [count, height, width] = row.plane.shape;
    const context = row.canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, row.canvas.width, row.canvas.height);
    context.imageSmoothingEnabled = false;
    const table = new Uint32Array(signedTable().buffer);
    // All units one below the other: one picture is brought to the canvas, and cut out of from there.
    const image = new ImageData(width, height * count);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = table[row.plane[i]];
    row.sheet ??= h("canvas", {});
    Object.assign(row.sheet, { width, height: height * count });
    row.sheet.getContext("2d").putImageData(image, 0, 0);
    const style = getComputedStyle(row.canvas);
    const line = style.getPropertyValue("--line");
    const accent = style.getPropertyValue("--accent");
    row.boxes.forEach(({ x, y, wide, tall }, unit) => {
      context.drawImage(row.sheet, 0, unit * height, width, height, x, y, wide, tall);
      const chosen = this.over?.row === row && this.over.unit === unit;
      context.strokeStyle = chosen ? accent : line;
      context.lineWidth = chosen ? 3 : 1;
      context.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
      if (!row.names.length) return;
      context.fillStyle = style.color;
      context.font = `12px ${style.fontFamily}`;
      context.textAlign = "center";
      context.fillText(row.names[unit], x + wide / 2, y + tall + NAMED - 4, wide);
    });
  }

  #drawEdges() {
    const density = devicePixelRatio || 1;
    const { clientWidth: wide, clientHeight: tall } = this.element;
    Object.assign(this.lines, { width: Math.round(wide * density), height: Math.round(tall * density) });
    this.lines.style.width = `${wide}px`;
    this.lines.style.height = `${tall}px`;
    const context = this.lines.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, wide, tall);
    if (!this.edges) return;
    const table = signedTable();
    const tops = this.rows.map((row) => [row.canvas.offsetLeft, row.canvas.offsetTop]);
    const over = this.over && { row: this.rows.indexOf(this.over.row), unit: this.over.unit + this.over.row.layer.first };
    for (let edge = 0; edge < this.strengths.length; edge++) {
      const [from, come, to, go] = this.edges.subarray(4 * edge, 4 * edge + 4);
      const source = this.rows[from];
      const target = this.rows[to];
      const start = source?.boxes[come - source.layer.first];
      const end = target?.boxes[go - target.layer.first];
      if (!start || !end) continue;
      const strength = this.strengths[edge];
      const touches = !over || (over.row === from && over.unit === come) || (over.row === to && over.unit === go);
      const [x0, y0] = [tops[from][0] + start.x + start.wide / 2, tops[from][1] + start.y + start.tall];
      const [x1, y1] = [tops[to][0] + end.x + end.wide / 2, tops[to][1] + end.y];
      const byte = strength < 0 ? 0 : 255;
      context.strokeStyle = `rgb(${table[4 * byte]} ${table[4 * byte + 1]} ${table[4 * byte + 2]})`;
      context.globalAlpha = (touches ? 0.85 : 0.12) * (0.25 + 0.75 * Math.abs(strength));
      context.lineWidth = EDGE.thinnest + (EDGE.thickest - EDGE.thinnest) * Math.abs(strength);
      const bend = Math.max(8, (y1 - y0) / 2);
      context.beginPath();
      context.moveTo(x0, y0);
      context.bezierCurveTo(x0, y0 + bend, x1, y1 - bend, x1, y1);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  // What is pointed at -------------------------------------------------------------------------

  #point(row, x, y) {
    const unit = unitAt(row, x, y);
    if (unit === null) this.#leave();
    else this.#at(row, unit);
  }

  #at(row, unit) {
    if (this.over?.row === row && this.over.unit === unit) return;
    const before = this.over?.row;
    this.over = { row, unit };
    row.active = unit;
    if (before && before !== row) this.#drawRow(before);
    this.#drawRow(row);
    this.#drawEdges();
    const { left, top } = row.canvas.getBoundingClientRect();
    const box = row.boxes[unit];
    this.events.hovered(row.layer.name, row.layer.first + unit, { x: left + box.x, y: top + box.y, wide: box.wide, tall: box.tall });
  }

  #leave() {
    if (!this.over) return;
    const { row } = this.over;
    this.over = null;
    this.#drawRow(row);
    this.#drawEdges();
    this.events.hovered(null);
  }

  #open(row, unit) {
    this.#leave();
    row.active = unit;
    this.events.opened(row.layer.name, row.layer.first + unit);
  }

  #key(row, event) {
    const columns = Math.max(1, row.boxes.filter((box) => box.y === 0).length);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.#at(row, Math.max(0, Math.min(row.count - 1, row.active + step)));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#open(row, row.active);
    } else if (event.key === "Escape") this.#leave();
  }
}

function unitAt(row, x, y) {
  const unit = row.boxes.findIndex((box) => x >= box.x && x < box.x + box.wide && y >= box.y && y < box.y + box.tall);
  return unit < 0 ? null : unit;
}
