// See: draw, and look at what every layer makes of it.

import { h, labelled, replace } from "../parts/dom.js";
import { upload } from "../parts/upload.js";
import { copied, call, Code, shell } from "../parts/copied.js";
import { Network } from "./see/network.js";
import { classBars, preparedCard } from "./see/answers.js";
import { drawingSource, exampleSource, gameSource, numbersSource } from "./see/sources.js";
import { unitCard, Detail } from "./see/unit.js";

export default {
  name: "see",
  title: "See",
  uses: ["layered", "classifies"],
  about: "draw, and look at what every layer makes of it",
  mount(root, context) {
    const view = new See(root, context);
    return () => view.close();
  },
};

class See {
  #closing = [];

  constructor(root, { connection, rest, report, go }) {
    Object.assign(this, { connection, report, go });
    this.body = h("div", {});
    root.append(this.body);
    this.#begin(rest[0]).catch(report);
  }

  async #begin(name) {
    const { data } = await this.connection.ask("see.runs");
    const { runs } = data;
    if (!runs.length) {
      replace(
        this.body,
        h("h1", {}, "See"),
        h("p", {}, "No trained network is here yet. ", h("a", { href: "#home" }, "Train a first one"), ", and look inside."),
      );
      return;
    }
    const run = runs.find((each) => each.name === name)?.name ?? runs[0].name;
    if (name && name !== run) this.report(new Error(`of ${name} nothing is to be seen; this is ${run}`));
    this.run = run;
    this.about = (await this.connection.ask("see.open", { run })).data;
    this.#show(runs);
  }

  #show(runs) {
    const { about, run, connection, report } = this;
    const picker = h(
      "select",
      { onchange: () => this.go("see", picker.value) },
      runs.map((each) => h("option", { value: each.name }, `${each.name} · ${each.model} on ${each.source}`)),
    );
    picker.value = run;
    this.input = null; // the bytes of what is looked at, as the studio takes them again
    this.first = {}; // of layers, the unit from which on they are shown
    this.shown = null; // what to ask anew once other units are to be shown
    this.prepared = preparedCard();
    this.bars = about.classifies
      ? classBars(about.classes, { drawsWhat: about.kind === "pictures", chosen: (label) => this.#saliency(label) })
      : null;
    this.detail = new Detail(this);
    this.card = unitCard();
    this.network = new Network({
      hovered: (layer, unit, at) => this.#hover(layer, unit, at),
      opened: (layer, unit) => this.detail.open(layer, unit),
      paged: (layers, first) => {
        for (const layer of layers) this.first[layer] = first;
        this.#again();
      },
    });
    const source = this.#sources();
    const command = () => ({
      command: about.kind === "pictures" && about.classifies ? shell(["classify", about.address, "PICTURE.png", "--explain", "seen.png"]) : undefined,
      python: about.layered
        ? [
            "import rockfall",
            `run = ${call("rockfall.open_run", [about.address])}`,
            `layers = ${call("run.model.trace", [new Code("inputs")])}  # (N, ${about.shape.join(", ")}) ${about.dtype}`,
          ].join("\n")
        : undefined,
    });
    replace(
      this.body,
      h("h1", {}, "See"),
      h("div", { class: "row" }, labelled("Network", picker)),
      h(
        "div",
        { class: "see" },
        h("section", { class: "see-input card", "aria-label": "What it sees" }, source.element),
        h(
          "section",
          { class: "see-inside", "aria-label": "What it makes of it" },
          (this.bars || about.kind === "pictures") &&
            h(
              "div",
              { class: "card see-top" },
              this.prepared.element,
              this.bars && h("div", { class: "see-predicted" }, h("h2", {}, "Predictions"), this.bars.element),
            ),
          about.layered && h("div", { class: "card" }, h("h2", {}, "Layer by layer"), this.network.element),
          h("details", {}, h("summary", { class: "small" }, "The same without the studio"), copied(command)),
        ),
      ),
      this.card.element,
      this.detail.element,
    );
    this.#closing.push(source.close, () => this.network.close(), () => this.detail.close());
    source.begin();
  }

  #sources() {
    const { about } = this;
    if (about.kind === "game") return gameSource(this);
    if (about.kind === "numbers") return numbersSource(this);
    const opened = upload({ take: ({ bytes }) => this.look("see.picture", {}, bytes, { onSheet: true }), report: this.report });
    const drawing = drawingSource(this);
    const examples = exampleSource(this);
    this.drawing = drawing;
    return {
      element: h("div", {}, h("h2", {}, "Draw"), drawing.element, opened.element, examples.element),
      begin: () => examples.show(0),
      close: () => opened.close(),
    };
  }

  /** Ask what the network makes of something, one question at a time: while one is answered the next
  waits, and of those that wait the newest counts. */
  look(name, fields, bytes = null, { onSheet = false } = {}) {
    this.shown = { name, fields, bytes, onSheet };
    if (this.busy) {
      this.waits = true;
      return this.busy;
    }
    this.busy = this.#looking().finally(() => (this.busy = null));
    return this.busy;
  }

  async #looking() {
    do {
      this.waits = false;
      const { name, fields, bytes, onSheet } = this.shown;
      try {
        const answer = await this.connection.ask(name, { ...fields, run: this.run, first: this.first }, bytes);
        this.#seen(answer, onSheet);
      } catch (error) {
        this.report(error);
      }
    } while (this.waits);
  }

  #again() {
    const { name, fields, bytes } = this.shown;
    this.look(name, fields, bytes);
  }

  #seen({ data, planes }, onSheet) {
    const [input, picture, edges, strengths, ...units] = planes;
    this.input = input;
    this.prepared.show(picture, data);
    if (onSheet) this.drawing?.lay(picture);
    this.bars?.show(data.probabilities);
    if (this.about.layered) this.network.show(data.layers, units, edges, strengths, this.about.ends);
    this.detail.refresh();
    this.body.dataset.seen = String(Number(this.body.dataset.seen ?? 0) + 1);
    performance.mark("see-drawn");
  }

  #hover(layer, unit, at) {
    clearTimeout(this.hovering);
    if (layer === null) return this.card.hide();
    this.hovering = setTimeout(async () => {
      try {
        this.card.show(await this.connection.ask("see.unit", { run: this.run, layer, unit }, this.input), at);
      } catch (error) {
        this.report(error);
      }
    }, 60);
  }

  async #saliency(label) {
    if (label === null) return this.prepared.plain();
    const { input } = this;
    try {
      const { data, planes } = await this.connection.ask("see.saliency", { run: this.run, label }, input);
      if (input === this.input) this.prepared.heat(planes[0], data.class);
    } catch (error) {
      this.report(error);
    }
  }

  close() {
    clearTimeout(this.hovering);
    for (const close of this.#closing) close();
  }
}
