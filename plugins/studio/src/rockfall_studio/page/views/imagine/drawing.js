// From a drawing: its reconstruction, and the chain that goes on from it.

import { h, labelled, replace } from "../../parts/dom.js";
import { live } from "../../parts/live.js";
import { pictureCanvas, pictureOf, show } from "../../parts/pictures.js";
import { sketchpad } from "../../parts/sketchpad.js";
import { upload } from "../../parts/upload.js";
import { choice } from "./stage.js";

const SIDE = 140;
const CLAMPED = {
  nothing: () => false,
  "the upper half": (y) => y < 0.5,
  "the lower half": (y) => y >= 0.5,
  "the left half": (y, x) => x < 0.5,
  "the right half": (y, x) => x >= 0.5,
};

/** blend: where drawings can be taken as A and B; none if the model does not blend. */
export function drawing(scene, blend) {
  const [channels, height, width] = scene.about.shape;
  let input = null; // (H, W, C), as the model has it
  const seen = pictureCanvas(SIDE, "What the model sees", { "data-name": "prepared" });
  const rebuilt = pictureCanvas(SIDE, "Its reconstruction", { "data-name": "reconstruction" });
  const said = h("p", { class: "quiet small", role: "status" });
  const pad = sketchpad({ onchange: () => !pad.empty && prepare(pad.grey(), pad.side), label: "Drawing" });
  const picture = upload({ take: ({ bytes }) => prepare(bytes, null), report: scene.report });
  const prepare = live(async (bytes, side) => {
    const { data, planes } = await scene.ask("imagine.prepare", side ? { side } : {}, bytes);
    said.textContent = data.changes.length ? `(${data.changes.join(", ")})` : "";
    await begin(pictureOf(planes[0], 0));
  }, scene.report);
  const run = chain();
  const chosen = choice(blend && scene.about.conditional ? scene.about.classes : []);
  let seed = Math.floor(Math.random() * 1e6);

  async function begin(given) {
    input = given;
    show(seen, input);
    run?.reset();
    if (!scene.can("reconstructs")) return;
    const { planes } = await scene.ask("imagine.reconstruct", {}, input);
    show(rebuilt, pictureOf(planes[0], 0));
  }

  async function example() {
    const { planes } = await scene.ask("imagine.examples", { count: 1, seed: seed++ });
    said.textContent = "";
    await begin(pictureOf(planes[0], 0));
  }

  const use = (which) => () => input && blend.take(which, input, chosen.value ?? -1).catch(scene.report);
  example().catch(scene.report);
  return {
    element: h(
      "section",
      { class: "card wide" },
      h("h2", {}, "From a drawing"),
      h(
        "div",
        { class: "drawn" },
        h("div", {}, pad.element),
        h(
          "div",
          {},
          h(
            "div",
            { class: "row" },
            h("figure", {}, seen, h("figcaption", {}, "as the model sees it")),
            scene.can("reconstructs") && h("figure", {}, rebuilt, h("figcaption", {}, "its reconstruction")),
          ),
          said,
          h(
            "div",
            { class: "row" },
            h("button", { type: "button", onclick: () => example().catch(scene.report) }, "A test example"),
            blend && h("button", { type: "button", onclick: use(0) }, "Blend it as A"),
            blend && h("button", { type: "button", onclick: use(1) }, "Blend it as B"),
            chosen.element,
          ),
          picture.element,
        ),
        run?.element,
      ),
    ),
    close() {
      run?.close();
      picture.close();
    },
  };

  /** The Markov chain; nothing, where the model has none. */
  function chain() {
    if (!scene.can("resamples")) return null;
    const canvas = pictureCanvas(SIDE * 1.5, "The chain", { "data-name": "chain" });
    const step = h("output", { class: "number small quiet" });
    const button = h("button", { type: "button", class: "main", onclick: () => (stream ? stop() : start(input)) }, "Run the chain");
    const on = h("button", { type: "button", onclick: () => start(last ?? input), disabled: true }, "Go on");
    const rate = slider({ min: 1, max: 60, step: 1, value: 10 });
    const temperature = slider({ min: -2, max: 2, step: 0.1, value: 0 }, (value) => 2 ** value);
    const clamped = h(
      "select",
      { onchange: again },
      [...Object.keys(CLAMPED), "what is drawn"].map((name) => h("option", {}, name)),
    );
    let stream = null;
    let last = null;

    function slider(range, shown = (value) => value) {
      const value = h("output", { class: "number small quiet" });
      const input = h("input", { type: "range", ...range, oninput: say, onchange: again });
      const say0 = () => (value.textContent = shown(Number(input.value)).toFixed(input.step < 1 ? 2 : 0));
      function say() {
        say0();
      }
      say0();
      return { input, value, get: () => shown(Number(input.value)) };
    }

    function mask() {
      const out = new Uint8Array(input.length);
      const half = CLAMPED[clamped.value];
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < channels; c++, i++)
            out[i] = (half ? half((y + 0.5) / height, (x + 0.5) / width) : input[i] > 100) ? 1 : 0;
      return out;
    }

    function start(from) {
      if (!from) return;
      stream?.stop();
      const bytes = new Uint8Array(2 * input.length);
      const held = mask();
      bytes.set(from.map((value, i) => (held[i] ? input[i] : value)));
      bytes.set(held, input.length);
      const fields = { temperature: temperature.get(), rate: rate.get() };
      stream = scene.stream(
        "imagine.chain",
        fields,
        ({ data, planes }) => {
          last = pictureOf(planes[0], 0);
          show(canvas, last);
          step.textContent = `step ${data.step.toLocaleString("en")}`;
        },
        bytes,
      );
      stream.done.catch(scene.report);
      button.textContent = "Stop the chain";
      on.disabled = true;
    }

    function stop() {
      stream?.stop();
      stream = null;
      button.textContent = "Run the chain";
      on.disabled = !last;
    }

    /** With new settings from where it is. */
    function again() {
      if (stream) start(last ?? input);
    }

    return {
      element: h(
        "div",
        { class: "chain" },
        canvas,
        h("div", { class: "row" }, button, on, step),
        labelled("Steps a second", rate.input, rate.value),
        labelled("Temperature", temperature.input, temperature.value),
        labelled("Keep", clamped),
      ),
      reset() {
        last = null;
        if (stream) start(input);
        else show(canvas, input);
      },
      close: stop,
    };
  }
}
