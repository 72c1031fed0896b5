// A form for a model's settings, whatever the model: made of what `train.form` says of its Config.

import { h, labelled } from "./dom.js";
import { plain } from "./runs.js";

const FIRST = ["batch_size", "batches", "epochs", "steps", "lr"]; // what is changed most often, of any model
const STEP = { integer: "1", number: "any" };

/** → {element, base(values), changed(), set(values), problems(found)}.

fields: of `train.form`; those named in without are left out. onChange(): after each change.
base: what a setting has unless it is changed here, which its field shows; changed: those that differ,
as text; problems: name → what is wrong, shown at its field, and → those that have none. */
export function settingsForm(fields, { without = [], onChange = () => {} } = {}) {
  let based = {};
  const inputs = new Map();
  const rows = new Map();
  const wrong = new Map();
  for (const field of fields) {
    if (without.includes(field.name)) continue;
    const id = `setting-${++count}`;
    const input = inputOf(field, { "aria-describedby": `${id}-why ${id}-wrong`, id });
    input.addEventListener("change", onChange);
    inputs.set(field.name, input);
    wrong.set(field.name, h("p", { class: "small bad", id: `${id}-wrong`, hidden: true }));
    rows.set(
      field.name,
      h(
        "div",
        { class: "setting" },
        h("label", { for: id }, field.name),
        input,
        h("p", { class: "small quiet", id: `${id}-why` }, [field.description, bounds(field)].filter(Boolean).join(" · ")),
        wrong.get(field.name),
      ),
    );
  }
  const first = FIRST.filter((name) => rows.has(name));
  const others = [...rows.keys()].filter((name) => !first.includes(name));
  const rest = h("details", {}, h("summary", {}, `${others.length} more settings`), h("div", { class: "settings" }, ...others.map((name) => rows.get(name))));
  const element = h("div", {}, h("div", { class: "settings" }, ...first.map((name) => rows.get(name))), others.length > 0 && rest);

  const textOf = (name) => (inputs.get(name).type === "checkbox" ? String(inputs.get(name).checked) : inputs.get(name).value.trim());

  function set(values) {
    for (const [name, input] of inputs) {
      const value = plain(values[name] ?? based[name]);
      if (input.type === "checkbox") input.checked = value === "true";
      else input.value = value;
      if (input.tagName === "SELECT" && input.value !== value) input.append(h("option", { selected: true }, value));
    }
  }

  function changed() {
    const found = {};
    for (const name of inputs.keys()) {
      const text = textOf(name);
      if (text !== plain(based[name])) found[name] = text === "" ? "none" : text;
    }
    return found;
  }

  function base(values) {
    const kept = changed();
    based = values;
    set(kept);
  }

  function problems(found) {
    const left = [];
    for (const [name, line] of wrong) {
      line.textContent = found[name] ?? "";
      line.hidden = !found[name];
      inputs.get(name).setAttribute("aria-invalid", String(Boolean(found[name])));
      if (found[name] && others.includes(name)) rest.open = true;
    }
    for (const [name, text] of Object.entries(found)) if (!wrong.has(name)) left.push([name, text]);
    return left;
  }

  replaceDefaults();
  function replaceDefaults() {
    based = Object.fromEntries(fields.map((field) => [field.name, field.default]));
    set({});
  }
  return { element, base, changed, set, problems };
}

/** What a model's settings are on a source: its defaults and the preset of that name, as data of `train.form`. */
export function usual(form, source, preset) {
  const defaults = Object.fromEntries(form.fields.map((field) => [field.name, field.default]));
  const values = form.presets[preset ?? bare(source)] ?? {};
  return { ...defaults, ...Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith("source."))) };
}

/** A select, or a field for any name with suggestions where there may be others than these. */
export function sourceField(form, value, onChange) {
  if (form.kinds.some((kind) => kind.endsWith("-actions"))) {
    const id = `sources-${++count}`;
    const list = h("datalist", { id }, ...form.sources.map(({ name, summary }) => h("option", { value: name }, summary)));
    const input = h("input", { list: id, value, onchange: onChange });
    return { element: labelled("source", input, list), get: () => input.value.trim() };
  }
  const select = h("select", { onchange: onChange }, ...form.sources.map(({ name, summary }) => h("option", { value: name, title: summary }, name)));
  if (!form.sources.some(({ name }) => name === value)) select.prepend(h("option", {}, value));
  select.value = value;
  return { element: labelled("source", select), get: () => select.value };
}

let count = 0;

function inputOf(field, attributes) {
  if (field.kind === "boolean") return h("input", { type: "checkbox", ...attributes });
  if (field.kind === "choice") {
    const choices = field.choices.map(String);
    if (field.optional) choices.push("none");
    return h("select", attributes, ...choices.map((choice) => h("option", {}, choice)));
  }
  // A number that may be none, too, is a text.
  if ((field.kind === "integer" || field.kind === "number") && !field.optional)
    return h("input", { type: "number", step: STEP[field.kind], min: field.low, max: field.high, ...attributes });
  return h("input", { type: "text", spellcheck: "false", autocomplete: "off", ...attributes });
}

function bounds({ low, high, above, below }) {
  const parts = [
    low !== null && `at least ${low}`,
    above !== null && `more than ${above}`,
    high !== null && `at most ${high}`,
    below !== null && `less than ${below}`,
  ];
  return parts.filter(Boolean).join(", ");
}

function bare(name) {
  return name.slice(name.lastIndexOf(":") + 1);
}
