// "Copy as command" and "Copy as Python": what the page does, as somebody could type it.

import { h } from "./dom.js";

/** Words after `rockfall`, quoted as a POSIX shell takes them. What is undefined or null is left out.

shell(["sample", run.address, "--count", 16]) → "rockfall sample vae-digits-1 --count 16" */
export function shell(words) {
  return ["rockfall", ...words.filter(given).map(quoted)].join(" ");
}

/** A call with literals of Python. named: keyword arguments; what is undefined is left out.

call("rockfall.train", ["lenet5", "digits"], { lr: 0.01 }) → 'rockfall.train("lenet5", "digits", lr=0.01)'

Where a name is no identifier, as "source.size", put it into an object: { config: { … } }. */
export function call(name, positional = [], named = {}) {
  const words = positional.map(literal);
  for (const [key, value] of Object.entries(named)) if (value !== undefined) words.push(`${key}=${literal(value)}`);
  return `${name}(${words.join(", ")})`;
}

/** Code that `call` and `literal` write as it is, such as the name of a variable. */
export class Code {
  constructor(text) {
    this.text = text;
  }
}

/** A value as Python writes it. */
export function literal(value) {
  if (value instanceof Code) return value.text;
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `float("${value}")`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value).map(([key, each]) => `${literal(key)}: ${literal(each)}`).join(", ")}}`;
  return JSON.stringify(String(value));
}

/** The two buttons. written() → {command, python}, each a text, asked for at the click; one that is
missing has no button. What was copied is shown too, for a clipboard may be forbidden. */
export function copied(written) {
  const shown = h("pre", { class: "copied", role: "status", tabindex: "0", hidden: true });
  const copy = (what) => async () => {
    const text = written()[what];
    shown.textContent = text;
    shown.hidden = false;
    try {
      await navigator.clipboard.writeText(text);
      shown.dataset.copied = "true";
    } catch {
      shown.dataset.copied = "false";
      getSelection().selectAllChildren(shown);
    }
  };
  const has = written();
  return h(
    "div",
    { class: "copying" },
    h(
      "div",
      { class: "row" },
      has.command !== undefined && h("button", { type: "button", onclick: copy("command") }, "Copy as command"),
      has.python !== undefined && h("button", { type: "button", onclick: copy("python") }, "Copy as Python"),
    ),
    shown,
  );
}

function given(word) {
  return word !== undefined && word !== null;
}

function quoted(word) {
  const text = String(word);
  if (/^[\w@%+:,./-][\w@%+=:,./-]*$/.test(text)) return text;
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
