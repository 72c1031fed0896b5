// One unit: on a card beside the pointer its filter and its strongest inputs, and in a dialog how its
// values come about, position by position, as in CNN Explainer (Wang et al. 2020).

import { h, replace } from "../../parts/dom.js";
import { colourOf, drawSigned, short, signedTable } from "./colours.js";

const LISTED = 6; // inputs on the card
const MAP = 150; // CSS pixels of a map in the dialog
const KERNEL = 112;
const PACE = 90; // milliseconds from position to position

/** Beside what is pointed at. → {element, show(answer, box), hide()} */
export function unitCard() {
  const element = h("div", { class: "see-card card", role: "status", hidden: true });

  function show({ data, planes }, box) {
    const [, maps, kernels] = planes;
    replace(
      element,
      h("strong", {}, title(data)),
      h("p", { class: "small number" }, valued(data)),
      kernels ? filters(kernels, data.how === "convolution" ? "Its kernels" : "Its weights") : null,
      data.inputs.length ? strongest(data, maps) : null,
    );
    element.hidden = false;
    const wide = element.offsetWidth;
    const tall = element.offsetHeight;
    const right = box.x + box.wide + 12;
    element.style.left = `${Math.max(4, right + wide < innerWidth ? right : Math.min(box.x - wide - 12, innerWidth - wide - 4))}px`;
    element.style.top = `${Math.max(4, Math.min(box.y, innerHeight - tall - 4))}px`;
  }

  return { element, show, hide: () => (element.hidden = true) };
}

function title(data) {
  return `${data.kind} ${data.unit + 1} of ${data.units}`;
}

function valued(data) {
  const bias = data.bias === null ? "" : `, bias ${short(data.bias)}`;
  return `value ${short(data.value)}${bias}`;
}

function filters(kernels, heading) {
  const [count, height, width] = kernels.shape;
  const largest = kernels.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const drawn = Array.from({ length: count }, (_, index) => {
    const canvas = h("canvas", { class: "pixels see-kernel", role: "img", "aria-label": `Kernel ${index + 1}` });
    return drawSigned(canvas, kernels, height, width, { from: index * height * width, largest });
  });
  return h("div", {}, h("span", { class: "small quiet" }, heading), h("div", { class: "row see-kernels" }, drawn));
}

function strongest(data, maps) {
  const most = data.inputs.reduce((most, each) => Math.max(most, Math.abs(each.strength)), 0);
  const rows = data.inputs.slice(0, LISTED).map((each, index) => {
    const bar = h("span", { class: "see-signed" });
    const share = most ? (50 * Math.abs(each.strength)) / most : 0;
    bar.style.width = `${share}%`;
    bar.style.marginLeft = each.strength < 0 ? `${50 - share}%` : "50%";
    bar.style.background = colourOf(each.strength, Math.abs(each.strength));
    const map = maps && index < maps.shape[0] ? thumbnail(maps, index) : null;
    const product = each.weight === undefined ? short(each.strength) : `${short(each.weight)} × ${short(each.value)} = ${short(each.strength)}`;
    return h("li", { class: "see-strong" }, map, h("span", { class: "number small" }, `${each.unit + 1}`), h("span", { class: "see-track" }, bar), h("span", { class: "number small" }, product));
  });
  return h("div", {}, h("span", { class: "small quiet" }, `Its strongest inputs, of ${data.inputs[0].layer}`), h("ol", { class: "see-list" }, rows));
}

function thumbnail(maps, index) {
  const [, height, width] = maps.shape;
  if (height * width === 1) return null;
  return drawSigned(h("canvas", { class: "pixels see-thumb", "aria-hidden": true }), maps, height, width, { from: index * height * width });
}

/** How a unit comes about, in a dialog. see: {connection, run, input, report} */
export class Detail {
  constructor(see) {
    this.see = see;
    this.body = h("div", {});
    this.element = h("dialog", { class: "see-detail", "aria-label": "How a unit comes about" }, h("form", { method: "dialog" }, h("button", { "aria-label": "Close" }, "✕")), this.body);
    this.element.addEventListener("close", () => this.#stop());
    this.element.addEventListener("click", (event) => event.target === this.element && this.element.close());
    this.at = 0;
    this.timer = null;
  }

  async open(layer, unit) {
    this.what = { layer, unit };
    this.at = 0;
    if (!(await this.#ask())) return;
    this.element.showModal();
    this.#begin();
  }

  /** Of another input, if it is open. */
  refresh() {
    if (this.element.open) this.#ask();
  }

  close() {
    this.#stop();
    this.element.close();
  }

  async #ask() {
    const { connection, run, input } = this.see;
    try {
      this.#show(await connection.ask("see.unit", { run, ...this.what }, input));
      return true;
    } catch (error) {
      this.see.report(error);
      return false;
    }
  }

  #show({ data, planes }) {
    const [own, maps, kernels] = planes;
    this.data = data;
    const heading = h("h2", {}, title(data), " ", h("code", { class: "quiet small" }, data.layer));
    const stepped = own?.shape[0] && maps && ["convolution", "pooling", "same"].includes(data.how);
    if (!stepped) {
      this.parts = null;
      replace(
        this.body,
        heading,
        h("p", { class: "number" }, valued(data)),
        kernels ? filters(kernels, "Its weights") : null,
        data.inputs.length ? strongest(data, maps) : h("p", { class: "quiet" }, "How it is computed is not known here; these are its values."),
        own?.shape[0] ? drawSigned(h("canvas", { class: "pixels see-own", role: "img", "aria-label": "Its values" }), own, ...own.shape) : null,
        this.#sum(data),
      );
      return;
    }
    this.parts = { own, maps, kernels };
    const [height, width] = own.shape;
    this.at = Math.min(this.at, height * width - 1);
    const inputs = Array.from({ length: maps.shape[0] }, (_, index) => new MapView(part(maps, index), maps.shape.slice(1), this.#named(index), kernels ? MAP : 1.4 * MAP));
    const kernelViews = kernels ? Array.from({ length: kernels.shape[0] }, (_, index) => new MapView(part(kernels, index), kernels.shape.slice(1), "", KERNEL)) : [];
    const output = new MapView(own, own.shape, `${data.kind} ${data.unit + 1}`, 1.4 * MAP);
    output.canvas.addEventListener("pointerdown", (event) => {
      const box = output.canvas.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * width);
      const row = Math.floor(((event.clientY - box.top) / box.height) * height);
      this.#stop();
      this.#go(Math.max(0, Math.min(height * width - 1, row * width + column)));
    });
    Object.assign(this.parts, { inputs, kernelViews, output });
    this.slider = h("input", { type: "range", min: "0", max: String(height * width - 1), value: String(this.at), "aria-label": "Position", oninput: () => (this.#stop(), this.#go(Number(this.slider.value))) });
    this.button = h("button", { type: "button", class: "main", onclick: () => (this.timer ? this.#stop() : this.#begin()) }, this.timer ? "Pause" : "Play");
    this.words = h("p", { class: "number see-sum", "aria-live": "off" });
    const pairs = inputs.map((view, index) => h("div", { class: "row see-pair" }, view.element, kernelViews[index] ? [h("span", { class: "see-sign" }, "×"), kernelViews[index].element] : null));
    replace(
      this.body,
      heading,
      h("div", { class: "see-steps" }, h("div", { class: "see-pairs" }, pairs), h("span", { class: "see-sign" }, "="), output.element),
      this.words,
      h("div", { class: "row" }, this.button, h("span", { class: "see-slide" }, this.slider)),
    );
    this.#go(this.at);
  }

  #named(index) {
    const input = this.data.inputs[index];
    return input ? `${input.unit + 1} of ${input.layer}` : "input";
  }

  #sum(data) {
    if (data.how !== "weights" || data.bias === null) return null;
    const listed = data.inputs.reduce((sum, each) => sum + each.strength, 0);
    return h("p", { class: "small quiet number" }, `the ${data.inputs.length} strongest add up to ${short(listed)}, the bias is ${short(data.bias)}`);
  }

  #begin() {
    if (!this.parts || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const [height, width] = this.parts.own.shape;
    this.timer = setInterval(() => this.#go((this.at + 1) % (height * width)), PACE);
    this.button.textContent = "Pause";
  }

  #stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.button) this.button.textContent = "Play";
  }

  /** Show one position. */
  #go(at) {
    this.at = at;
    const { own, maps, inputs, kernelViews, output } = this.parts;
    const [, width] = own.shape;
    const [row, column] = [Math.floor(at / width), at % width];
    this.slider.value = String(at);
    const window = this.#window(row, column);
    inputs.forEach((view) => view.draw(window));
    kernelViews.forEach((view) => view.draw(null, true));
    output.draw({ top: row, left: column, tall: 1, wide: 1, step: 1 });
    this.words.textContent = this.#equation(maps, window, own[at]);
  }

  /** What of an input map the unit sees at a position; of a map of another size, the same share. */
  #window(row, column) {
    const { data, parts } = this;
    const [, tall, wide] = parts.maps.shape;
    if (data.how === "same") {
      const [height, width] = parts.own.shape;
      return { top: Math.floor((row * tall) / height), left: Math.floor((column * wide) / width), tall: 1, wide: 1, step: 1 };
    }
    const kernel = parts.kernels ? parts.kernels.shape.slice(1) : pair(data.settings.kernel_size, null);
    if (!kernel?.[0]) {
      // Pooling to a size that is given: each position has its share of the map.
      const [height, width] = parts.own.shape;
      const [top, left] = [Math.floor((row * tall) / height), Math.floor((column * wide) / width)];
      return { top, left, tall: Math.ceil(((row + 1) * tall) / height) - top, wide: Math.ceil(((column + 1) * wide) / width) - left, step: 1 };
    }
    const stride = pair(data.settings.stride, parts.kernels ? 1 : kernel);
    const step = pair(data.settings.dilation, 1);
    const padding = data.settings.padding === "same" ? kernel.map((side, axis) => Math.floor((step[axis] * (side - 1)) / 2)) : pair(data.settings.padding === "valid" ? 0 : data.settings.padding, 0);
    return { top: row * stride[0] - padding[0], left: column * stride[1] - padding[1], tall: kernel[0], wide: kernel[1], step: step[0], stepAcross: step[1] };
  }

  #equation(maps, window, value) {
    const { data, parts } = this;
    const [count, tall, wide] = maps.shape;
    const seen = (index) => {
      const found = [];
      for (let row = 0; row < window.tall; row++) {
        for (let column = 0; column < window.wide; column++) {
          const y = window.top + row * window.step;
          const x = window.left + column * (window.stepAcross ?? window.step);
          const inside = y >= 0 && y < tall && x >= 0 && x < wide;
          found.push(inside ? maps[index * tall * wide + y * wide + x] : null);
        }
      }
      return found;
    };
    if (data.how === "convolution") {
      const size = window.tall * window.wide;
      const sums = Array.from({ length: count }, (_, index) => seen(index).reduce((sum, each, at) => sum + (each ?? 0) * parts.kernels[index * size + at], 0));
      const rest = value - (data.bias ?? 0) - sums.reduce((sum, each) => sum + each, 0);
      const others = Math.abs(rest) > 1e-4 * Math.max(1, Math.abs(value)) ? ` + others ${short(rest)}` : "";
      const bias = data.bias === null ? "" : ` + bias ${short(data.bias)}`;
      return `${sums.map(short).join(" + ")}${others}${bias} = ${short(value)}`;
    }
    const values = Array.from({ length: count }, (_, index) => seen(index)).flat().filter((each) => each !== null);
    if (data.how === "pooling") {
      const kind = /max/i.test(data.kind) ? "largest" : /av(g|erage)/i.test(data.kind) ? "mean" : data.kind;
      return values.length > 9 ? `the ${kind} of ${values.length} values is ${short(value)}` : `the ${kind} of ${values.map(short).join(", ")} is ${short(value)}`;
    }
    const joined = data.kind === "add" ? values.map(short).join(" + ") : `${data.kind} of ${values.map(short).join(", ")}`;
    return `${joined} = ${short(value)}`;
  }
}

/** A map, large enough to see its cells, with a window on it. */
class MapView {
  constructor(values, [height, width], name, side = MAP) {
    Object.assign(this, { values, height, width });
    const scale = side / Math.max(height, width);
    Object.assign(this, { wide: Math.max(6, width * scale), tall: Math.max(6, height * scale), scale });
    this.canvas = h("canvas", { role: "img", "aria-label": name || "kernel" });
    this.canvas.style.width = `${this.wide}px`;
    this.canvas.style.height = `${this.tall}px`;
    this.element = h("figure", { class: "see-map" }, this.canvas, name && h("figcaption", { class: "small quiet" }, name));
    this.sheet = drawSigned(h("canvas", {}), values, height, width);
  }

  draw(window, numbers = false) {
    const density = devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(this.wide * density), height: Math.round(this.tall * density) });
    const context = this.canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.sheet, 0, 0, this.wide, this.tall);
    const style = getComputedStyle(this.canvas);
    context.strokeStyle = style.getPropertyValue("--line");
    context.strokeRect(0.5, 0.5, this.wide - 1, this.tall - 1);
    const [across, down] = [this.wide / this.width, this.tall / this.height];
    if (numbers && Math.min(across, down) >= 18) {
      context.font = `${Math.min(11, across / 2.2)}px sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      const largest = this.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const paper = signedTable()[4 * 128] > 128;
      this.values.forEach((value, at) => {
        const strong = Math.abs(value) > 0.6 * largest;
        context.fillStyle = strong === paper ? "#fff" : "#111";
        context.fillText(hundredths(value), ((at % this.width) + 0.5) * across, (Math.floor(at / this.width) + 0.5) * down);
      });
    }
    if (!window) return;
    const step = window.stepAcross ?? window.step;
    const [x, y] = [window.left * across, window.top * down];
    const wide = ((window.wide - 1) * step + 1) * across;
    const tall = ((window.tall - 1) * window.step + 1) * down;
    // Ink with paper around it stands out on any map.
    for (const [colour, width] of [["--paper", 5], ["--ink", 2.2]]) {
      context.strokeStyle = style.getPropertyValue(colour);
      context.lineWidth = width;
      context.strokeRect(x + 1, y + 1, Math.max(3, wide - 2), Math.max(3, tall - 2));
    }
  }
}

/** −0.123 → −.12 */
function hundredths(value) {
  return value.toFixed(2).replace("-", "−").replace("0.", ".");
}

function part(planes, index) {
  const size = planes.shape[1] * planes.shape[2];
  return planes.subarray(index * size, (index + 1) * size);
}

function pair(given, otherwise) {
  const value = given ?? otherwise;
  if (value === null || value === undefined) return null;
  return Array.isArray(value) ? value : [value, value];
}
