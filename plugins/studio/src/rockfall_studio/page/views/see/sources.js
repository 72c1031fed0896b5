// What a network is shown: a drawing, a test example, the steps of a game, or numbers.

import { h, labelled, replace } from "../../parts/dom.js";
import { sketchpad } from "../../parts/sketchpad.js";
import { drawSigned, short } from "./colours.js";

/** The sheet. look(name, fields, bytes): asks what the network makes of it. */
export function drawingSource(see) {
  const { side, light } = see.about;
  let quiet = false; // while something else than a drawing lies on the sheet
  const pad = sketchpad({
    side: 2 * side,
    label: "Draw what the network is to see",
    onchange: () => {
      if (quiet || (pad.empty && !see.input)) return (quiet = false);
      see.look("see.draw", { side }, halved(pad.grey(), 2 * side));
    },
  });

  /** Lay what the network sees on the sheet, to be drawn on: ink on paper. */
  function lay(picture) {
    const [height, width, channels] = picture.shape;
    const pixels = new Uint8ClampedArray(height * width * 4);
    for (let i = 0, from = 0; i < height * width; i++, from += channels) {
      for (let channel = 0; channel < 3; channel++) {
        const value = picture[channels === 3 ? from + channel : from];
        pixels[4 * i + channel] = light && channels === 1 ? 255 - value : value;
      }
      pixels[4 * i + 3] = 255;
    }
    quiet = true;
    pad.show({ pixels, width, height });
  }

  return { element: pad.element, lay };
}

/** Test examples, one after the other. */
export function exampleSource(see) {
  const count = see.about.sizes.test ?? 0;
  let index = 0;
  const number = h("input", { type: "number", min: "1", max: String(count || 1), value: "1", "aria-label": "Test example", onchange: () => show(Number(number.value) - 1) });
  const step = (by) => () => show(index + by);
  const element = h(
    "div",
    { class: "row see-examples" },
    h("span", { class: "small" }, "Example"),
    h("button", { type: "button", "aria-label": "The example before", onclick: step(-1) }, "‹"),
    number,
    h("button", { type: "button", "aria-label": "The next example", onclick: step(1) }, "›"),
    h("button", { type: "button", onclick: () => show(Math.floor(Math.random() * count)) }, "Any"),
  );

  function show(wanted) {
    if (!count) return;
    index = ((wanted % count) + count) % count;
    number.value = String(index + 1);
    see.look("see.example", { index }, null, { onSheet: true });
  }

  return { element, show };
}

/** A game that the agent plays, step by step. */
export function gameSource(see) {
  const { shape, dtype } = see.about;
  let game = null;
  let step = 0;
  let timer = null;
  const slider = h("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "Step of the game", oninput: () => show(Number(slider.value)) });
  const words = h("p", { class: "small number", "aria-live": "off" });
  const canvas = h("canvas", { class: "pixels see-observation", role: "img", "aria-label": "The observation" });
  const list = h("div", { class: "see-numbers" });
  const seed = h("input", { type: "number", min: "0", max: "4294967295", value: "0", onchange: play });
  const run = h("button", { type: "button", class: "main", onclick: toggle }, "Play");
  const step_ = (by) => () => show(step + by);
  const element = h(
    "div",
    {},
    h("h2", {}, "A game that it plays"),
    canvas,
    list,
    slider,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", "aria-label": "One step back", onclick: step_(-1) }, "‹"),
      run,
      h("button", { type: "button", "aria-label": "One step on", onclick: step_(1) }, "›"),
      labelled("Game", seed),
    ),
    words,
  );

  async function play() {
    stop();
    try {
      const { data, planes } = await see.connection.ask("see.game", { run: see.run, seed: Math.max(0, Number(seed.value) || 0) });
      const [observations] = planes;
      game = { ...data, observations, steps: observations.shape[0], bytes: observations.shape[1] };
      slider.max = String(game.steps - 1);
      show(0);
    } catch (error) {
      see.report(error);
    }
  }

  function show(wanted) {
    if (!game) return;
    step = Math.max(0, Math.min(game.steps - 1, wanted));
    if (step === game.steps - 1) stop();
    slider.value = String(step);
    const bytes = game.observations.slice(step * game.bytes, (step + 1) * game.bytes);
    observed(canvas, list, bytes, shape, dtype);
    const score = game.rewards.slice(0, step).reduce((sum, reward) => sum + reward, 0);
    words.textContent = `step ${step + 1} of ${game.steps} · it does ${game.actions[step] ?? "nothing"} · score ${short(score)}`;
    return see.look("see.input", {}, bytes);
  }

  function toggle() {
    if (timer) return stop();
    if (!game) return;
    if (step === game.steps - 1) show(0);
    timer = setInterval(() => show(step + 1), 250);
    run.textContent = "Pause";
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    run.textContent = "Play";
  }

  return { element, begin: play, close: stop };
}

/** Numbers that are dragged, and examples of the data. */
export function numbersSource(see) {
  const { shape, bounds, dtype, sizes } = see.about;
  const fields = bounds.length <= 24 && dtype === "float32" ? bounds : [];
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const sliders = fields.map(([low, high], index) => {
    const shown = h("output", { class: "number small" });
    const slider = h("input", {
      type: "range",
      min: String(low),
      max: String(high),
      step: "any",
      "aria-label": `Number ${index + 1}`,
      oninput: () => {
        values[index] = Number(slider.value);
        shown.textContent = short(values[index]);
        see.look("see.input", {}, new Uint8Array(values.buffer));
      },
    });
    return { slider, shown, element: h("div", { class: "see-number" }, h("span", { class: "small" }, `x${index + 1}`), slider, shown) };
  });
  const canvas = h("canvas", { class: "pixels see-observation", role: "img", "aria-label": "The input" });
  const list = h("div", { class: "see-numbers" });
  const examples = exampleSource({ ...see, about: see.about, look: (name, asked) => taken(name, asked) });

  async function taken(name, asked) {
    await see.look(name, asked);
    if (!see.input) return;
    observed(canvas, list, see.input, shape, dtype);
    if (!sliders.length) return;
    values.set(new Float32Array(see.input.slice().buffer));
    sliders.forEach(({ slider, shown }, index) => {
      slider.value = String(values[index]);
      shown.textContent = short(values[index]);
    });
  }

  return {
    element: h("div", {}, h("h2", {}, "Numbers"), sizes.test ? examples.element : null, canvas, sliders.length ? sliders.map((each) => each.element) : list),
    begin: () => examples.show(0),
    close: () => {},
  };
}

const ARRAYS = { uint8: Uint8Array, int8: Int8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

/** Draw an observation: a grid as a picture, anything else as a list of numbers. */
function observed(canvas, list, bytes, shape, dtype) {
  const copy = bytes.slice();
  const array = ARRAYS[dtype] ? new ARRAYS[dtype](copy.buffer, copy.byteOffset, copy.byteLength / ARRAYS[dtype].BYTES_PER_ELEMENT) : copy;
  const values = Float32Array.from(array);
  const grid = shape.length >= 2;
  canvas.hidden = !grid;
  if (!grid) {
    const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return replace(
      list,
      [...values.slice(0, 64)].map((value) => {
        const bar = h("span", { class: "see-signed" });
        bar.style.width = `${most ? (50 * Math.abs(value)) / most : 0}%`;
        bar.style.marginLeft = value < 0 ? `${50 - (most ? (50 * Math.abs(value)) / most : 0)}%` : "50%";
        return h("div", { class: "see-number" }, h("span", { class: "number small" }, short(value)), h("span", { class: "see-track" }, bar));
      }),
    );
  }
  const last = shape.length === 3 && shape[2] < shape[0]; // (H, W, C)
  const [height, width] = last ? shape : shape.slice(-2);
  if (last && shape[2] === 3 && dtype === "uint8") return drawColours(canvas, copy, height, width);
  // The last of several grids; of channels that come last, their sum.
  let plane = values.subarray(values.length - height * width);
  if (last) {
    plane = new Float32Array(height * width);
    values.forEach((value, at) => (plane[Math.floor(at / shape[2])] += value));
  }
  drawSigned(canvas, plane, height, width);
}

function drawColours(canvas, bytes, height, width) {
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) image.data.set([bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** (S, S) → (S / 2, S / 2), the mean of four. */
function halved(grey, side) {
  const half = side / 2;
  const out = new Uint8Array(half * half);
  for (let row = 0; row < half; row++) {
    for (let column = 0; column < half; column++) {
      const at = 2 * row * side + 2 * column;
      out[row * half + column] = (grey[at] + grey[at + 1] + grey[at + side] + grey[at + side + 1] + 2) >> 2;
    }
  }
  return out;
}
