// A stack of blocks, each a layer of a network as text (rockfall.kit.layers), with what it makes of its input.

import { h, labelled, replace } from "./dom.js";

/** → {element, text(), set(text), sizes(found)}. kinds: `blocks` of `build.blocks`.

sizes: what `build.stack` answers of text(), shown at each block. onChange(): another text. */
export function blockEditor(kinds, onChange) {
  let texts = [];
  let focused = null;
  const list = h("ol", { class: "blocks" });
  const input = h("p", { class: "small quiet number" });
  const output = h("p", { class: "small quiet number" });
  const kind = h("select", {}, ...kinds.map(({ name, title }) => h("option", { value: name }, title)));
  const add = h("button", { type: "button", onclick: () => insert(texts.length, first(kinds.find(({ name }) => name === kind.value))) }, "Add block");
  const written = h("textarea", {
    rows: "2",
    spellcheck: "false",
    "aria-label": "Layers as text",
    onchange: () => (set(written.value), onChange()),
  });
  const element = h(
    "div",
    { class: "builder" },
    input,
    list,
    output,
    h("div", { class: "row" }, labelled("block", kind), add),
    h("details", { class: "small" }, h("summary", {}, "As text"), written),
  );

  function text() {
    return texts.join(" / ");
  }

  function set(value) {
    texts = value.split("/").map((part) => part.trim().split(/\s+/).join(" "));
    if (texts.length === 1 && !texts[0]) texts = [];
    draw();
  }

  function insert(place, layer) {
    texts.splice(place, 0, layer);
    focused = place;
    draw();
    onChange();
  }

  function move(from, to) {
    const [layer] = texts.splice(from, 1);
    texts.splice(to, 0, layer);
    focused = to;
    draw();
    onChange();
  }

  function remove(place) {
    texts.splice(place, 1);
    focused = Math.min(place, texts.length - 1);
    draw();
    onChange();
  }

  function draw() {
    replace(list, ...texts.map(block));
    written.value = text();
    list.children[focused]?.querySelector("input, button")?.focus();
    focused = null;
  }

  function block(layer, place) {
    const known = kinds.find(({ name }) => name === layer.split(" ")[0]);
    const title = known?.title ?? layer;
    const values = known && read(known, layer);
    const change = () => {
      texts[place] = write(known, values);
      written.value = text();
      onChange();
    };
    const fields = (values ? known.words : []).map((word) =>
      labelled(
        word.name,
        h("input", {
          value: values[word.name],
          size: "5",
          autocomplete: "off",
          onchange: (event) => ((values[word.name] = event.currentTarget.value.trim()), change()),
        }),
      ),
    );
    const button = (sign, label, act, disabled) =>
      h("button", { type: "button", class: "small", "aria-label": `${label}: ${title}, block ${place + 1}`, disabled, onclick: act }, sign);
    return h(
      "li",
      { class: "block" },
      h("div", { class: "row" }, h("strong", {}, title), ...fields, !values && h("code", {}, layer)),
      h("p", { class: "size small number" }),
      h("p", { class: "wrong small bad", role: "alert", hidden: true }),
      h(
        "div",
        { class: "tools" },
        button("↑", "Move up", () => move(place, place - 1), place === 0),
        button("↓", "Move down", () => move(place, place + 1), place === texts.length - 1),
        button("+", "Duplicate", () => insert(place + 1, layer), false),
        button("×", "Remove", () => remove(place), false),
      ),
    );
  }

  /** error: in place of sizes, where there are none. */
  function sizes(found) {
    input.textContent = `input: ${size(found.input)}`;
    [...list.children].forEach((item, place) => {
      const mine = found.layers.filter(({ number }) => number === place + 1);
      const failed = found.error?.number === place + 1;
      item.classList.toggle("failed", failed);
      item.querySelector(".size").textContent = mine.length ? mine.map(made).join(" → ") : failed ? "" : "–";
      const wrong = item.querySelector(".wrong");
      wrong.hidden = !failed;
      wrong.textContent = failed ? sentence(found.error.reason) : "";
    });
    const last = found.layers.filter(({ number }) => number > texts.length);
    const unplaced = found.error && !(found.error.number >= 1 && found.error.number <= texts.length) ? sentence(found.error.reason) : "";
    const batches = found.batches === null ? "" : ` · ${found.batches.toLocaleString("en")} batches an epoch`;
    output.textContent =
      unplaced || (found.error ? "" : `${last.length ? `output: ${last.map(made).join(" → ")} · ` : ""}${found.parameters.toLocaleString("en")} parameters in all${batches}`);
    output.classList.toggle("bad", Boolean(unplaced));
  }

  return { element, text, set, sizes };
}

function first({ name, words }) {
  return write({ name, words }, Object.fromEntries(words.map((word) => [word.name, word.value])));
}

/** A layer's numbers by name; null where its text is none that a form can say. */
function read({ name, words }, layer) {
  const given = layer.split(" ").slice(1);
  const values = {};
  for (const word of words) values[word.name] = word.keyword ? word.usual : (given.shift() ?? "");
  while (given.length) {
    const next = given.shift();
    const word = next === "same" ? words.find(({ keyword }) => keyword === "pad") : words.find(({ keyword }) => keyword && keyword === next);
    if (!word) return null;
    values[word.name] = next === "same" ? next : (given.shift() ?? "");
  }
  return name ? values : null;
}

function write({ name, words }, values) {
  const parts = [name];
  for (const word of words) {
    const value = values[word.name];
    if (word.keyword && (value === word.usual || value === "")) continue;
    if (word.keyword && value !== "same") parts.push(word.keyword);
    parts.push(value);
  }
  return parts.filter(Boolean).join(" ");
}

function made({ text, shape, parameters }) {
  return `${text.split(" ")[0] === "flatten" ? "flattened " : ""}${size(shape)}${parameters ? `, ${parameters.toLocaleString("en")} parameters` : ""}`;
}

function size(shape) {
  return shape.length === 3 ? `${shape[0]} × ${shape[1]} × ${shape[2]}` : `${shape.join(" × ")} numbers`;
}

/** An explanation, as a sentence. */
function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}
