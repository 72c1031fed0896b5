// What a run is for, as the views say it, and its card.

import { Code, call, copied, shell } from "./copied.js";
import { h, labelled, replace } from "./dom.js";
import { exact } from "./plot.js";

const FIGURES = 3; // of a run, that are shown before the others are asked for
const STATUS = { resumable: "stopped", started: "begun" };

/** How well a view is for a run or a model: how many of the capabilities that the view `uses` it has. */
export function suits(view, run) {
  return (view.uses ?? []).filter((capability) => run.capabilities?.includes(capability)).length;
}

/** The views that are for a run, as links. */
export function links(views, run) {
  return views
    .filter((view) => run.ready && suits(view, run))
    .map((view) => h("a", { class: "button", href: `#${view.name}/${encodeURIComponent(run.name)}` }, view.title));
}

/** "0.957 ± 0.011" */
export function measured({ value, error }) {
  if (value === null || value === undefined) return "–";
  return error ? `${exact(value)} ± ${Number(error.toPrecision(2))}` : exact(value);
}

/** The card of one run, which is kept and updated. chosen(run, on): its curve is wanted. */
export class RunCard {
  #shown = {};
  #opened = false;

  constructor(run, { connection, report, views, chosen }) {
    Object.assign(this, { connection, report, views, run });
    this.box = h("input", { type: "checkbox", "aria-label": `Curve of ${run.name}`, onchange: () => chosen(run.name, this.box.checked) });
    this.tag = h("span", { class: "tag" });
    this.about = h("p", { class: "quiet small" });
    this.bar = h("progress", { max: "1", "aria-label": `Progress of ${run.name}` });
    this.phase = h("span", { class: "quiet small number" });
    this.progress = h("div", { class: "row progress" }, this.bar, this.phase);
    this.said = h("p", { class: "small bad" });
    this.figures = h("div", { class: "scroll" });
    this.actions = h("div", { class: "row" });
    this.more = h("div", { class: "more" });
    const details = h("details", { ontoggle: () => this.#toggle(details.open) }, h("summary", {}, "Pictures, all figures, commands"), this.more);
    this.element = h(
      "article",
      { class: "card run", "aria-label": run.name },
      h("div", { class: "row" }, this.box, h("h3", {}, run.name), this.tag),
      this.about,
      this.progress,
      this.said,
      this.figures,
      this.actions,
      details,
    );
    this.update(run);
  }

  update(run) {
    this.run = run;
    const text = JSON.stringify(run);
    if (text === this.#shown.all) return;
    this.#shown.all = text;
    const running = run.status === "running";
    this.tag.className = `tag ${run.status}`;
    this.tag.textContent = run.stopping ? "stopping" : (STATUS[run.status] ?? run.status);
    this.about.textContent = run.error ?? `${run.model} on ${run.source}`;
    this.progress.hidden = !running || run.elsewhere;
    if (run.progress?.fraction === null || run.progress?.fraction === undefined) this.bar.removeAttribute("value");
    else this.bar.value = run.progress.fraction;
    this.phase.textContent = phase(run);
    this.said.textContent = run.said || (running && run.elsewhere ? "Another process trains it: Ctrl-C stops it there." : "");
    this.said.classList.toggle("bad", Boolean(run.said));
    this.said.hidden = !this.said.textContent;
    this.#changed("figures", run.figures, () => replace(this.figures, figures(run.figures, 0, FIGURES)));
    const doing = { status: run.status, stopping: run.stopping, elsewhere: run.elsewhere, ready: run.ready };
    this.#changed("actions", doing, () => replace(this.actions, ...this.#buttons()));
    this.#changed("opened", run.status, () => this.#opened && this.#fill());
  }

  #changed(what, value, then) {
    const text = JSON.stringify(value ?? null);
    if (this.#shown[what] === text) return;
    this.#shown[what] = text;
    then();
  }

  #buttons() {
    const { run } = this;
    const name = run.name;
    const act = (ask) => async (event) => {
      event.currentTarget.disabled = true;
      try {
        await this.connection.ask(ask, { run: name });
      } catch (error) {
        this.report(error);
        this.#shown.actions = "";
        this.update({ ...run });
      }
    };
    const buttons = [];
    if (run.status === "running" && !run.elsewhere) {
      const text = run.stopping ? "Stop at once" : "Stop";
      buttons.push(h("button", { type: "button", onclick: act("train.stop"), "aria-label": `${text}: ${name}` }, text));
    }
    if (run.status === "resumable" || run.status === "started")
      buttons.push(h("button", { type: "button", onclick: act("train.resume"), "aria-label": `Resume ${name}` }, "Resume"));
    return [...links(this.views, run), ...buttons];
  }

  #toggle(open) {
    if (open && !this.#opened) this.#fill();
    this.#opened = open;
  }

  async #fill() {
    const { run, connection } = this;
    if (run.error) return;
    try {
      const { data } = await inTurn(() => connection.ask("train.run", { run: run.name }));
      const { data: found } = await inTurn(() => connection.ask("home.pictures", { run: run.name }));
      const shows = new Map();
      for (const picture of found.pictures) {
        const title = picture.step === null ? picture.name.replace(/\.\w+$/, "") : `${picture.of} while it learned`;
        shows.set(title, [...(shows.get(title) ?? []), picture]);
      }
      replace(
        this.more,
        h("div", { class: "pictures" }, ...[...shows].map(([title, list]) => this.#picture(title, list))),
        h("div", { class: "scroll" }, figures(run.figures, FIGURES)),
        shows.size === 0 && h("p", { class: "quiet small" }, "No pictures yet."),
        run.status === "finished" && data.lengthened_by && this.#longer(data),
        copied(() => written(data)),
      );
    } catch (error) {
      this.report(error);
    }
  }

  /** One picture; of several, which were left while it learned, a slider chooses. */
  #picture(title, list) {
    const image = h("img", { alt: `${title} of ${this.run.name}` });
    const caption = h("figcaption", { class: "small quiet" }, title);
    const show = async (picture) => {
      try {
        const { data, planes } = await inTurn(() => this.connection.ask("home.picture", { run: this.run.name, name: picture.name }));
        const before = image.src;
        image.src = URL.createObjectURL(new Blob([planes[0]], { type: data.type }));
        image.onload = () => URL.revokeObjectURL(image.src);
        if (before) URL.revokeObjectURL(before);
        if (picture.step !== null) caption.textContent = `${title}, step ${picture.step.toLocaleString("en")}`;
      } catch (error) {
        this.report(error);
      }
    };
    const slider =
      list.length > 1 &&
      h("input", {
        type: "range",
        min: "0",
        max: String(list.length - 1),
        value: String(list.length - 1),
        "aria-label": `Step of ${title}`,
        oninput: () => show(list[Number(slider.value)]),
      });
    show(list.at(-1));
    const large = h("button", { type: "button", class: "bare", "aria-pressed": false, title: "Larger or smaller", onclick: () => large.setAttribute("aria-pressed", figure.classList.toggle("large")) }, image);
    const figure = h("figure", { class: "picture" }, large, caption, slider);
    return figure;
  }

  /** More of what makes it longer, with which a run that has finished goes on. */
  #longer({ lengthened_by: name, length }) {
    const field = h("input", { type: "number", min: String(length + 1), step: "1", value: String(length * 2), required: true });
    return h(
      "form",
      {
        class: "row",
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await this.connection.ask("train.resume", { run: this.run.name, settings: { [name]: field.value } });
          } catch (error) {
            this.report(error);
          }
        },
      },
      labelled(`${name}, now ${length.toLocaleString("en")}:`, field),
      h("button", { type: "submit" }, "Train further"),
    );
  }
}

/** How to train the same, again or by hand: what `train.run` answers, or what a form asks for.
kinds: of settings that are given as text, as `train.form` has them; name: of the run. */
export function written({ model, source, options, preset, settings, seed, out, name, kinds = {} }) {
  const named = Object.entries(options).map(([key, value]) => [`source.${key}`, value]);
  const words = [...Object.entries(settings), ...named].map(([key, value]) => `${key}=${plain(value)}`);
  const flags = [...(preset ? ["--preset", preset] : []), ...(seed ? ["--seed", seed] : []), ...(name ? ["--name", name] : []), ...(out ? ["--out", out] : [])];
  const python = {
    source_options: Object.keys(options).length ? options : undefined,
    preset: preset || undefined,
    seed: seed || undefined,
    name: name || undefined,
    out: out || undefined,
    ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, typed(value, kinds[key])])),
  };
  return {
    command: shell(["train", model, source || undefined, ...words, ...flags]),
    python: `import rockfall\n\nrun = ${call("rockfall.train", source ? [model, source] : [model], python)}`,
  };
}

/** What a field's text is in Python. */
function typed(value, kind) {
  if (typeof value !== "string") return value;
  if (kind === "boolean") return value === "true";
  if (["integer", "number"].includes(kind) && /^-?[\d.]+(e[+-]?\d+)?$/i.test(value)) return new Code(value);
  return value;
}

/** A value as it is typed. */
export function plain(value) {
  if (value === null || value === undefined) return "none";
  return Array.isArray(value) ? value.map(plain).join(",") : String(value);
}

function phase({ progress, phase: event, stopping }) {
  if (stopping) return "writes its checkpoint";
  if (event === "evaluating") return "is measured";
  const parts = [];
  if (progress?.fraction > 0) parts.push(`${Math.floor(100 * progress.fraction)} %`);
  if (progress?.label) parts.push(progress.label);
  if (progress?.fraction > 0.02 && progress.seconds > 1) {
    const left = (progress.seconds / progress.fraction) * (1 - progress.fraction);
    parts.push(left < 90 ? `${Math.ceil(left)} s left` : `${Math.ceil(left / 60)} min left`);
  }
  return parts.join(" · ") || "begins";
}

/** A table: each figure beside its baselines. */
function figures(found, from, to) {
  const rows = Object.entries(found ?? {}).slice(from, to);
  if (!rows.length) return null;
  return h(
    "table",
    { class: "small" },
    h("tbody", {}, ...rows.flatMap(([name, figure]) => [
      h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, h("strong", {}, measured(figure)))),
      ...Object.entries(figure.baselines ?? {}).map(([who, theirs]) =>
        h("tr", { class: "quiet" }, h("th", { scope: "row" }, `  ${who}`), h("td", {}, measured(theirs))),
      ),
    ])),
  );
}

// Of several questions of one name only the newest is answered, so that these wait for each other.
let turn = Promise.resolve();
function inTurn(ask) {
  const mine = turn.then(ask);
  turn = mine.catch(() => {});
  return mine;
}
