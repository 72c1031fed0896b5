// Trained styles to tick and to order, each stage of them, and before beside after.

import { compare, download } from "../../parts/compare.js";
import { copied, shell } from "../../parts/copied.js";
import { h, labelled, replace } from "../../parts/dom.js";
import { drawPlane } from "../../parts/plane.js";

const SIZES = [240, 320, 480, 640, 960, 1440];
const USUAL = 480;

export function styled({ connection, report, chosen, styles, run }) {
  let order = []; // of styles, as they are applied
  let stages = []; // {name, plane}
  let stream = null;
  let shown = null; // the stage that is "after"; none: the last
  const boxes = new Map(
    styles.map((style) => [style, h("input", { type: "checkbox", onchange: () => tick(style) })]),
  );
  const list = h("ol", { class: "chain-of-styles", "aria-label": "Styles in their order" });
  const passes = h("input", { type: "number", min: 1, max: 10, value: 1, onchange: apply });
  const size = h("select", { onchange: apply }, SIZES.map((side) => h("option", { value: side, selected: side === USUAL }, `${side} pixels`)));
  const sheet = compare();
  const thumbs = h("div", { class: "stages", role: "group", "aria-label": "Stages" });
  const said = h("p", { class: "quiet small", role: "status", "data-name": "stage" });
  const save = h("button", { type: "button", class: "main", disabled: true, onclick: saved }, "Download");
  const result = h("section", { class: "card result", hidden: true }, h("h2", {}, "Before and after"), sheet.element, said, thumbs, h("div", { class: "row" }, save), copied(() => ({ command: command() })));
  chosen.events.addEventListener("change", apply);
  const asked = styles.find(({ style }) => style === `run:${run}`);
  if (asked) {
    boxes.get(asked).checked = true;
    order = [asked];
  }
  drawOrder();

  function tick(style) {
    order = boxes.get(style).checked ? [...order, style] : order.filter((each) => each !== style);
    drawOrder();
    apply();
  }

  function move(index, by) {
    const [style] = order.splice(index, 1);
    order.splice(index + by, 0, style);
    drawOrder();
    list.children[index + by]?.querySelector("button:not(:disabled)")?.focus();
    apply();
  }

  function drawOrder() {
    replace(
      list,
      order.map((style, index) =>
        h(
          "li",
          {},
          h("span", {}, style.name),
          h("button", { type: "button", disabled: index === 0, "aria-label": `${style.name} earlier`, onclick: () => move(index, -1) }, "↑"),
          h("button", { type: "button", disabled: index === order.length - 1, "aria-label": `${style.name} later`, onclick: () => move(index, 1) }, "↓"),
        ),
      ),
    );
    list.hidden = order.length < 2;
  }

  function apply() {
    stream?.stop();
    stages = [];
    shown = null;
    result.hidden = !order.length;
    if (!order.length || !chosen.picture) return;
    const times = Math.min(10, Math.max(1, Math.round(Number(passes.value)) || 1));
    const fields = { picture: chosen.picture, styles: order.map(({ style }) => style), passes: times, size: Number(size.value) };
    said.textContent = "Working …";
    stream = connection.stream("style.apply", fields, ({ data, planes }) => {
      stages.push({ name: data.name, plane: planes[0] });
      said.textContent = data.stage < data.of ? `Stage ${data.stage} of ${data.of} …` : stages.map(({ name }) => name).join(" → ");
      draw();
    });
    stream.done.catch((error) => {
      said.textContent = "";
      report(error);
    });
  }

  function draw() {
    const last = stages.length - 1;
    const index = shown === null || shown > last ? last : shown;
    sheet.before(stages[0].plane);
    sheet.after(stages[index].plane, `After: ${stages[index].name}`);
    save.disabled = last < 1;
    replace(
      thumbs,
      stages.map(({ name, plane }, i) =>
        h(
          "button",
          {
            type: "button",
            class: "thumb",
            "aria-pressed": i === index,
            onclick: () => {
              shown = i;
              draw();
            },
          },
          drawPlane(h("canvas", { "aria-hidden": true }), plane),
          h("span", { class: "small" }, i ? `${i}. ${name}` : name),
        ),
      ),
    );
  }

  function saved() {
    const stem = chosen.file.replace(/\.[^.]*$/, "") || "picture";
    download(sheet.canvas, `${stem}-${stages.slice(1).map(({ name }) => name).join("-")}.png`);
  }

  function command() {
    const names = order.map(({ name }) => name).join(",");
    const times = passes.value === "1" ? [] : ["--passes", passes.value];
    return shell(["stylize", chosen.file, "--style", names, "--size", size.value, ...times]);
  }

  const about = (style) => [style.summary, style.megabytes > 0 && `a download of ${style.megabytes} MB`].filter(Boolean).join(", ");
  return {
    close: () => stream?.stop(),
    element: [
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Trained styles"),
        styles.length
          ? h("p", { class: "quiet small" }, "Tick some: each is applied to what the one before made.")
          : h("p", {}, "There is no trained style yet: train fast-style at Home."),
        h(
          "div",
          { class: "ticks" },
          styles.map((style) =>
            h("label", {}, boxes.get(style), h("span", {}, style.name, " ", h("span", { class: "quiet small" }, about(style)))),
          ),
        ),
        list,
        h("div", { class: "row" }, labelled("Passes", passes), labelled("Longer side", size)),
      ),
      result,
    ],
  };
}
