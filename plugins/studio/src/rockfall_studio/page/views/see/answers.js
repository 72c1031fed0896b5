// What stands beside the network: the input as it was prepared, and the classes.

import { h, replace } from "../../parts/dom.js";
import { drawPlane } from "../../parts/plane.js";

/** The input as the network gets it, and what was done to the drawing. → {element, show, heat, plain} */
export function preparedCard() {
  const canvas = h("canvas", { class: "pixels see-prepared", role: "img", "aria-label": "The input, as the network gets it" });
  const over = h("canvas", { class: "pixels see-heat", "aria-hidden": true, hidden: true });
  const words = h("p", { class: "small quiet", "aria-live": "polite" });
  const heading = h("h2", {}, "What it gets");
  const figure = h("div", { class: "see-figure" }, canvas, over);
  const element = h("div", { class: "see-prepare", hidden: true }, heading, figure, words);
  let said = "";

  function show(picture, data) {
    if (!picture.shape[0]) return;
    element.hidden = false;
    drawPlane(canvas, picture);
    const size = `${picture.shape[1]} × ${picture.shape[0]}`;
    const of = data.label === undefined ? "" : `test example ${data.index + 1} of ${data.count}${data.label ? `, a ${data.label}` : ""}; `;
    const done = data.changes?.length ? data.changes.join(", ") : `${size} pixels, unchanged`;
    said = of + done;
    words.textContent = said;
    plain();
  }

  /** Let it glow where an occlusion makes a class less probable. drops: (H, W). */
  function heat(drops, name) {
    const [height, width] = drops.shape;
    const most = drops.reduce((most, value) => Math.max(most, value), 0);
    Object.assign(over, { width, height });
    const image = new ImageData(width, height);
    for (let i = 0; i < drops.length; i++) {
      const share = Math.max(0, drops[i]) / Math.max(most, 0.005);
      image.data.set([255, 60 + 150 * share, 0, 215 * share], 4 * i);
    }
    over.getContext("2d").putImageData(image, 0, 0);
    over.hidden = false;
    heading.textContent = `What “${name}” depends on`;
    words.textContent = `It glows where a patch over it makes “${name}” less probable, by up to ${(100 * most).toFixed(1)} points.`;
  }

  function plain() {
    over.hidden = true;
    heading.textContent = "What it gets";
    words.textContent = said;
  }

  return { element, show, heat, plain };
}

const MOST = 12;

/** The classes with their probabilities, the first twelve by number or, of many, the likeliest.

chosen(label): a class was chosen; null once it is no more. → {element, show(probabilities)} */
export function classBars(classes, { drawsWhat, chosen }) {
  const many = classes.length > MOST;
  let current = null;
  let probabilities = [];
  const rows = Array.from({ length: Math.min(MOST, classes.length) }, (_, index) => {
    const name = h("span", { class: "see-class" });
    const bar = h("span", { class: "see-bar" }, h("span", {}));
    const share = h("span", { class: "number small" });
    const button = h("button", { type: "button", class: "see-row", "aria-pressed": false, disabled: !drawsWhat }, name, bar, share);
    button.addEventListener("click", () => {
      const label = Number(button.dataset.label);
      choose(current === label ? null : label);
      chosen(current);
    });
    return { name, bar: bar.firstChild, share, button, label: index };
  });
  const said = h("p", { class: "visually-hidden", "aria-live": "polite" });
  const element = h(
    "div",
    { class: "see-classes", role: "group", "aria-label": "Classes" },
    rows.map((row) => row.button),
    drawsWhat && h("p", { class: "small quiet" }, "Choose a class to see what it depends on."),
    said,
  );
  let saying = null;

  function choose(label) {
    current = label;
    mark();
  }

  function mark() {
    for (const row of rows) row.button.setAttribute("aria-pressed", String(row.label === current));
  }

  function show(found) {
    probabilities = found;
    const order = found.map((_, label) => label).sort((one, other) => found[other] - found[one]);
    const listed = many ? order.slice(0, MOST) : found.map((_, label) => label);
    rows.forEach((row, index) => {
      row.label = listed[index];
      row.button.dataset.label = String(row.label);
      const share = found[row.label] ?? 0;
      row.name.textContent = classes[row.label];
      row.bar.style.width = `${100 * share}%`;
      row.share.textContent = `${(100 * share).toFixed(1)} %`;
      row.button.classList.toggle("best", row.label === order[0]);
    });
    element.dataset.best = classes[order[0]];
    choose(null);
    clearTimeout(saying);
    saying = setTimeout(() => {
      const best = order[0];
      said.textContent = `Predicted ${classes[best]}, ${(100 * probabilities[best]).toFixed(0)} percent`;
    }, 700);
  }

  return { element, show };
}

/** Text in place of what is there. */
export function note(text) {
  return replace(h("p", { class: "small quiet" }), text);
}
