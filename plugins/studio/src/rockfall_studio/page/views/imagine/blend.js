// From one picture to another, by dragging.

import { copied, shell } from "../../parts/copied.js";
import { h, replace } from "../../parts/dom.js";
import { pictureCanvas, pictureOf, show, thumbs } from "../../parts/pictures.js";
import { between } from "./latents.js";

const SIDE = 112;

/** → {element, take(which, picture, label)}; which: 0 or 1. */
export function blend(scene) {
  const ends = ["A", "B"].map((name, which) => {
    const canvas = pictureCanvas(SIDE, "", { "data-name": `blend-${name}`, role: "presentation" });
    const button = h("button", { type: "button", class: "thumb", "aria-label": `Picture ${name}`, "aria-pressed": which === 0, onclick: () => turn(which) }, canvas, name);
    return { name, canvas, button, latents: null, label: -1 };
  });
  let turned = 0; // whose turn it is to get a picture
  const seen = pictureCanvas(SIDE * 1.5, "What lies between", { "data-name": "blend" });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    value: 0.5,
    disabled: true,
    "aria-label": "From A to B",
    oninput: drag,
  });
  const strip = h("div", {});
  const said = h("p", { class: "quiet small", role: "status" });
  let seed = 0;
  scene.addEventListener("picture", ({ detail }) => detail.source === slider && show(seen, scene.picture));
  others().then(begin).catch(scene.report);

  function turn(which) {
    turned = which;
    ends.forEach((end, k) => end.button.setAttribute("aria-pressed", String(k === which)));
  }

  async function others() {
    const { data, planes } = await scene.ask("imagine.examples", { seed: seed++, count: 20 });
    const name = (i) => scene.about.classes[data.labels[i]] ?? "unlabelled";
    replace(
      strip,
      thumbs(planes[0], (i) => ({
        label: `Test example ${i + 1}: ${name(i)}`,
        chosen: () => take(turned, pictureOf(planes[0], i), data.labels[i]).catch(scene.report),
      }), 40),
    );
    return { labels: data.labels, pictures: planes[0] };
  }

  async function begin({ labels, pictures }) {
    const other = Math.max(1, labels.findIndex((label) => label !== labels[0]));
    await find(0, pictureOf(pictures, 0), labels[0]);
    await find(1, pictureOf(pictures, other), labels[other]);
    const { planes } = await scene.ask("imagine.decode", {}, here());
    show(seen, pictureOf(planes[0], 0));
  }

  async function take(which, picture, label) {
    await find(which, picture, label);
    if (!slider.disabled) drag();
  }

  async function find(which, picture, label = -1) {
    const end = ends[which];
    show(end.canvas, picture);
    said.textContent = `Looking for the latents of ${end.name} …`;
    const { planes } = await scene.ask("imagine.find", { labels: [label] }, picture);
    said.textContent = "";
    Object.assign(end, { latents: new Float32Array(planes[0]), label });
    turn(1 - which);
    slider.disabled = !ends.every((each) => each.latents);
  }

  function here() {
    const [first, last] = ends.map((end) => end.latents);
    return between(first, last, Number(slider.value), scene.about.spherical);
  }

  function drag() {
    scene.look(here(), slider);
  }

  const named = (end) => scene.about.classes[end.label] ?? `${end.name}.png`;
  return {
    take,
    element: h(
      "section",
      { class: "card" },
      h("h2", {}, "Blend two pictures"),
      h("p", { class: "quiet small" }, "Choose A or B, then one of the test examples below, or a drawing."),
      h("div", { class: "row blended" }, ends[0].button, seen, ends[1].button),
      slider,
      said,
      strip,
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => others().catch(scene.report) }, "Other examples")),
      copied(() => ({ command: shell(["blend", scene.run, ...ends.map(named)]) })),
    ),
  };
}
