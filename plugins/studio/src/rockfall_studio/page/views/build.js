// Build: a network from blocks, or any other model by its settings; variants side by side.

import { Superseded } from "../connection.js";
import { blockEditor } from "../parts/blocks.js";
import { copied } from "../parts/copied.js";
import { curves } from "../parts/curves.js";
import { h, labelled, replace } from "../parts/dom.js";
import { settingsForm, sourceField, usual } from "../parts/form.js";
import { links, written } from "../parts/runs.js";

// What is built lasts as long as the page: somebody may look at another view meanwhile.
// A variant: {name, model, source, preset, seed, settings, layers (text or null), runs: names}.
let variants = [];
let current = 0;

export default {
  name: "build",
  title: "Build",
  about: "build a network from blocks, and train anything",
  mount(root, { connection, report, views }) {
    const charts = curves({ connection, report });
    const forms = new Map(); // model → promise of its form
    let built = { models: [], blocks: [] };
    let offers = [];
    let runs = [];
    let fields = null; // of the variant that is shown: {form, settings, source, editor, layers}
    let gone = false;

    const tabs = h("div", { class: "row tabs", role: "group", "aria-label": "Variants" });
    const panel = h("section", { class: "card", "aria-label": "Variant" }, h("p", { class: "quiet" }, "Looking at what can be built …"));
    const trained = h("div", { class: "trained" });
    const plotted = h("section", { class: "card", hidden: true }, h("h2", {}, "Curves of the variants"), charts.element, trained);
    root.append(h("h1", {}, "Build and train"), tabs, h("div", { class: "build" }, panel, plotted));

    const formOf = (model) => {
      if (!forms.has(model)) forms.set(model, connection.ask("train.form", { model }).then(({ data }) => data));
      forms.get(model).catch(() => forms.delete(model));
      return forms.get(model);
    };

    function keep() {
      if (!fields) return;
      const variant = variants[current];
      variant.source = fields.source.get();
      variant.settings = fields.settings.changed();
      variant.layers = fields.editor?.text() ?? null;
      variant.seed = Math.max(0, Math.trunc(Number(fields.seed.value) || 0));
      variant.preset = fields.preset.value === "" ? null : fields.preset.value;
    }

    function drawTabs() {
      const tab = (variant, number) =>
        h("button", { type: "button", "aria-pressed": number === current, onclick: () => (keep(), (current = number), show()) }, variant.name);
      replace(
        tabs,
        ...variants.map(tab),
        h("button", { type: "button", onclick: () => add({ ...structuredClone(variants[current]), runs: [] }) }, "Duplicate"),
        h("button", { type: "button", disabled: variants.length < 2, onclick: drop }, "Remove"),
      );
    }

    function add(variant) {
      keep();
      const taken = new Set(variants.map(({ name }) => name));
      let number = variants.length;
      while (taken.has(letter(number))) number += 1;
      variants.push({ ...variant, settings: fields ? variants[current].settings : variant.settings, layers: fields ? variants[current].layers : variant.layers, name: letter(number) });
      current = variants.length - 1;
      show();
    }

    function drop() {
      fields = null;
      variants.splice(current, 1);
      current = Math.max(0, current - 1);
      show();
    }

    /** The variant `current`, with the form of its model. */
    async function show() {
      fields = null;
      drawTabs();
      drawRuns();
      const variant = variants[current];
      let form;
      try {
        form = await formOf(variant.model);
      } catch (error) {
        return report(error);
      }
      if (gone || variant !== variants[current]) return;
      const kinds = Object.fromEntries(form.fields.map((field) => [field.name, field.kind]));
      const layers = form.fields.find(({ kind }) => kind === "layers")?.name ?? null;
      const editor = layers && blockEditor(built.blocks, () => changed());
      const settings = settingsForm(form.fields, { without: layers ? [layers] : [], onChange: () => changed() });
      const source = sourceField(form, variant.source || form.source, rebase);
      const preset = h(
        "select",
        { onchange: rebase },
        h("option", { value: "" }, "of the source"),
        ...Object.keys(form.presets).map((name) => h("option", {}, name)),
      );
      preset.value = variant.preset ?? "";
      const seed = h("input", { type: "number", min: "0", step: "1", value: String(variant.seed ?? 0), class: "brief", onchange: () => changed() });
      const name = h("input", { value: variant.name, maxlength: "40", size: "14", onchange: () => rename(name) });
      const wrong = h("ul", { class: "small bad wrong-list", role: "alert" });
      const train = h("button", { type: "button", class: "main", onclick: () => begin([current], train) }, "Train");
      const all = h("button", { type: "button", onclick: () => begin(variants.map((_, number) => number), all) }, "Train all variants");
      fields = { form, settings, source, preset, seed, editor, layers, wrong, base: {} };
      place();
      settings.set({ ...fields.base, ...variant.settings });
      if (editor) editor.set(variant.layers ?? fields.base[layers]);
      replace(
        panel,
        h("div", { class: "row" }, labelled("name", name), modelSelect(variant.model), source.element, labelled("preset", preset), labelled("seed", seed)),
        h("p", { class: "small quiet" }, form.summary),
        editor && h("h2", {}, "Layers"),
        editor?.element,
        h("h2", {}, "Settings"),
        settings.element,
        wrong,
        h("div", { class: "row" }, train, variants.length > 1 && all),
        copied(() => (keep(), written({ ...asked(variants[current]), name: free(variants[current]), kinds }))),
      );
      changed();
    }

    /** What the settings are without being changed, by the source and the preset. */
    function place() {
      fields.base = usual(fields.form, fields.source.get(), fields.preset.value || null);
      fields.settings.base(fields.base);
    }

    function rebase() {
      const { editor, layers, base } = fields;
      const untouched = editor && editor.text() === tidy(base[layers]);
      place();
      if (untouched) editor.set(fields.base[layers]);
      changed();
    }

    function rename(field) {
      const name = field.value.trim();
      if (name && !variants.some((each, number) => number !== current && each.name === name)) variants[current].name = name;
      field.value = variants[current].name;
      drawTabs();
      drawRuns();
    }

    function modelSelect(model) {
      const able = built.models.map((each) => each.model);
      const others = offers.map(({ name }) => name).filter((name) => !able.includes(name));
      const select = h(
        "select",
        { onchange: () => ((fields = null), Object.assign(variants[current], { model: select.value, source: "", settings: {}, layers: null, preset: null }), show()) },
        able.length > 0 && h("optgroup", { label: "built from blocks" }, ...able.map((name) => h("option", {}, name))),
        h("optgroup", { label: "train anything" }, ...others.map((name) => h("option", {}, name))),
      );
      select.value = model;
      return labelled("model", select);
    }

    /** What of the variant's settings a training is to be told. */
    function asked({ model, source, preset, seed, settings, layers }) {
      const { form, base } = fields;
      const own = fields.layers && layers !== null && layers !== tidy(base[fields.layers]) ? { [fields.layers]: layers } : {};
      return { model, source: source === form.source ? "" : source, options: {}, preset, seed, settings: { ...own, ...settings }, out: built.out };
    }

    function fieldsOf({ model, source, preset, settings }) {
      return { model, source, preset, settings };
    }

    /** Something was changed: what is wrong with it, and what the layers make of a picture? */
    async function changed() {
      keep();
      const mine = fields;
      const request = fieldsOf(asked(variants[current]));
      try {
        const { data } = await connection.ask("train.check", request);
        if (mine === fields) problems(data.problems);
        if (mine !== fields || !mine.editor) return;
        const batch = Number(variants[current].settings.batch_size ?? mine.base.batch_size) || 1;
        const stack = { ...request, layers: mine.editor.text(), batch_size: Math.max(1, Math.trunc(batch)) };
        const sized = await connection.ask("build.stack", { ...stack, settings: {} });
        if (mine === fields) mine.editor.sizes(sized.data);
      } catch (error) {
        report(error);
      }
    }

    function problems(found) {
      const left = fields.settings.problems(found).filter(([name]) => name !== fields.layers);
      replace(fields.wrong, ...left.map(([name, text]) => h("li", {}, name ? `${name}: ${text}` : text)));
    }

    /** Train some variants, one after the other begun, for of several asks at once the newest wins. */
    async function begin(numbers, button) {
      keep();
      button.disabled = true;
      const before = current;
      try {
        for (const number of numbers) {
          const variant = variants[number];
          if (number !== current) {
            keep();
            current = number;
            await show();
          }
          const { source, ...request } = asked(variant);
          const { data } = await connection.ask("train.begin", { ...fieldsOf({ source, ...request }), seed: request.seed, name: free(variant) });
          if (data.problems) return problems(data.problems);
          variant.runs.push(data.run);
          drawRuns();
        }
        if (current !== before) {
          current = before;
          await show();
        }
      } catch (error) {
        report(error);
      } finally {
        button.disabled = false;
      }
    }

    /** The name of a variant's next run: its own, if somebody gave it one. */
    function free({ name }) {
      const stem = name.toLowerCase().replace(/[^\w.-]+/g, "-").replace(/^[^a-z0-9]+/, "");
      if (/^[A-Z]$/.test(name) || !stem || stem === "last") return "";
      const taken = new Set(runs.map((run) => run.name));
      let number = 1;
      while (taken.has(number === 1 ? stem : `${stem}-${number}`)) number += 1;
      return number === 1 ? stem : `${stem}-${number}`;
    }

    let drawn = "";
    function drawRuns() {
      const shown = variants.flatMap((variant) => variant.runs.slice(-1).map((name) => ({ name, label: variant.name === name ? name : `${variant.name} · ${name}` })));
      plotted.hidden = !shown.length;
      charts.show(shown);
      const state = shown.map(({ name, label }) => [label, runs.find((run) => run.name === name) ?? null]);
      const text = JSON.stringify(state);
      if (text === drawn) return;
      drawn = text;
      replace(trained, h("ul", { class: "small" }, ...state.map(([label, run]) => h("li", { class: "row" }, label, ...outcome(run)))));
    }

    function outcome(run) {
      if (!run) return [];
      const percent = run.progress?.fraction ? ` ${Math.floor(100 * run.progress.fraction)} %` : "";
      const figure = Object.entries(run.figures ?? {})[0];
      const stop = h("button", { type: "button", class: "small", "aria-label": `Stop ${run.name}`, onclick: () => connection.ask("train.stop", { run: run.name }).catch(report) }, "Stop");
      return [
        h("span", { class: `tag ${run.status}` }, `${run.status === "resumable" ? "stopped" : run.status}${percent}`),
        run.said && h("span", { class: "bad" }, run.said),
        figure && h("span", { class: "number" }, `${figure[0]} ${Number(figure[1].value.toPrecision(4))}`),
        run.status === "running" && !run.elsewhere && stop,
        ...links(views, run),
      ];
    }

    const watching = connection.stream("home.watch", {}, ({ data }) => ((runs = data.runs), drawRuns()));
    watching.done.catch((error) => error instanceof Superseded || report(error));
    Promise.all([connection.ask("build.blocks"), connection.ask("home.offers")])
      .then(([{ data: blocks }, { data: offered }]) => {
        if (gone) return;
        built = blocks;
        offers = offered.models;
        const model = blocks.models[0]?.model ?? offered.first;
        if (!model) replace(panel, h("p", {}, "No model is installed."));
        else {
          if (!variants.length) variants = [{ name: "A", model, source: "", preset: null, seed: 0, settings: {}, layers: null, runs: [] }];
          show();
        }
      })
      .catch(report);
    return () => {
      keep();
      gone = true;
      watching.stop();
      charts.stop();
    };
  },
};

function letter(number) {
  return number < 26 ? String.fromCharCode(65 + number) : `variant ${number + 1}`;
}

/** A text of layers as the editor writes it. */
function tidy(text) {
  return (text ?? "").split("/").map((part) => part.trim().split(/\s+/).join(" ")).join(" / ");
}
