// The picture of some latents, and a slider for each of them.

import { copied, literal } from "../../parts/copied.js";
import { h, labelled, replace } from "../../parts/dom.js";
import { pictureCanvas, show } from "../../parts/pictures.js";
import { norm, scaled } from "./latents.js";

const SHOWN = 10; // sliders, until all are asked for
const REACH = 3; // standard deviations
const KEY = 0.12; // of the picture's side, by an arrow key

export async function stage(scene) {
  const { data, planes } = await scene.ask("imagine.spread");
  const [mean, std, order, first] = planes;
  const classes = scene.about.conditional ? scene.about.classes : [];
  const free = first.length - classes.length;
  const places = [...order].filter((place) => place < free);
  const canvas = pictureCanvas(280, "The picture of these latents: drag it, or press the arrow keys", {
    class: "pixels picture stage",
    tabindex: "0",
    role: "application",
    "data-name": "stage",
  });
  const sliders = new Map();
  const rows = h("div", { class: "latents" });
  const more = h("button", { type: "button", onclick: all, hidden: free <= SHOWN }, `All ${free}`);
  const chosen = choice(classes, (label) => {
    const latents = new Float32Array(scene.latents);
    latents.fill(0, free);
    latents[free + label] = 1;
    scene.look(latents, "class");
  });
  build(places.slice(0, SHOWN));

  scene.addEventListener("picture", () => show(canvas, scene.picture));
  scene.addEventListener("latents", ({ detail }) => {
    for (const [place, slider] of sliders) if (detail.source !== slider) slider.set(scene.latents[place]);
    if (classes.length) chosen.set(scene.latents.slice(free).reduce((best, value, i, own) => (value > own[best] ? i : best), 0));
  });
  turning(canvas, scene, free, std);
  scene.look(new Float32Array(first), "start");

  function build(shown) {
    sliders.clear();
    for (const place of shown) sliders.set(place, slider(place));
    replace(rows, [...sliders.values()].map((each) => each.element));
    if (scene.latents) for (const [place, each] of sliders) each.set(scene.latents[place]);
  }

  function all() {
    build(places);
    more.hidden = true;
  }

  function slider(place) {
    const spread = std[place] || 1;
    const value = h("output", { class: "number small quiet" });
    const input = h("input", {
      type: "range",
      min: -REACH,
      max: REACH,
      step: 0.02,
      "aria-label": `Latent ${place + 1}, in standard deviations`,
      oninput: () => {
        const latents = new Float32Array(scene.latents);
        latents[place] = mean[place] + input.value * spread;
        say(Number(input.value));
        scene.look(latents, own);
      },
    });
    const own = {
      element: labelled(h("span", {}, "z", h("sub", {}, place + 1)), input, value),
      set(latent) {
        const deviations = (latent - mean[place]) / spread;
        input.value = deviations;
        say(deviations);
      },
    };

    function say(deviations) {
      value.textContent = `${deviations < 0 ? "−" : "+"}${Math.abs(deviations).toFixed(1)} σ`;
    }

    return own;
  }

  async function random() {
    const fields = { count: 1, seed: Math.floor(Math.random() * 2 ** 31) };
    if (classes.length) fields.label = chosen.value;
    const drawn = await scene.ask("imagine.draw", fields);
    scene.look(new Float32Array(drawn.planes[1]), "random");
  }

  function middle() {
    const latents = new Float32Array(scene.latents);
    latents.set(mean.subarray(0, free));
    scene.look(latents, "mean");
  }

  const python = () =>
    `import rockfall, torch\nmodel = rockfall.open_run(${literal(scene.run)}).model\n` +
    `picture = model.decode(torch.tensor([${literal([...scene.latents].map((value) => Number(value.toFixed(4))))}]))`;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Latents"),
    h(
      "p",
      { class: "quiet small" },
      `Drag a slider, or the picture itself. σ: standard deviations of the ${data.of}; those that vary most come first.`,
    ),
    h("div", { class: "staged" }, canvas, h("div", {}, rows, h("div", { class: "row" }, more))),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: () => random().catch(scene.report) }, "Random"),
      !scene.about.spherical && h("button", { type: "button", onclick: middle }, "Mean"),
      chosen.element,
    ),
    copied(() => ({ python: scene.latents ? python() : "" })),
  );
}

/** Which class; nothing, where there are none. */
export function choice(classes, changed, any = false) {
  const select = h(
    "select",
    { onchange: () => changed?.(value()) },
    any && h("option", { value: "" }, "any"),
    classes.map((name, label) => h("option", { value: label }, name)),
  );
  const value = () => (select.value === "" ? null : Number(select.value));
  return {
    element: classes.length ? labelled("Class", select) : null,
    get value() {
      return value();
    },
    set(label) {
      select.value = label;
    },
  };
}

/** Dragging the picture moves its latents along two random directions. */
function turning(canvas, scene, free, std) {
  let from = null;
  let directions = [];

  function begin() {
    from = new Float32Array(scene.latents);
    directions = [0, 1].map(() => from.map((_, i) => (i < free ? std[i] * gaussian() : 0)));
    directions = directions.map((each) => scaled(each, norm(from.map((_, i) => (i < free ? std[i] : 0)))));
  }

  function to(across, down) {
    const moved = from.map((value, i) => value + 2 * (across * directions[0][i] + down * directions[1][i]));
    if (scene.about.spherical) {
      const own = scaled(moved.slice(0, free), norm(from.slice(0, free)));
      moved.set(own);
    }
    scene.look(moved, canvas);
  }

  let start = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    start = [event.clientX, event.clientY];
    keyed = false;
    begin();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start) return;
    const side = canvas.clientWidth;
    to((event.clientX - start[0]) / side, (event.clientY - start[1]) / side);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (start = null));
  const place = [0, 0]; // where the arrow keys are
  let keyed = false;
  scene.addEventListener("latents", ({ detail }) => (keyed = keyed && detail.source === canvas));
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    if (!keyed) {
      begin();
      place.fill(0);
      keyed = true;
    }
    place[0] += KEY * move[0];
    place[1] += KEY * move[1];
    to(...place);
  });
}

function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
