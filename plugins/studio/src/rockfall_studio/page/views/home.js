// Home: the runs with their curves, what each is for, and what to begin with.

import { Superseded } from "../connection.js";
import { curves } from "../parts/curves.js";
import { h, replace } from "../parts/dom.js";
import { RunCard, links, suits } from "../parts/runs.js";

const DRAWN = 6; // runs whose curves are shown at first
const MOST = 40; // curves at once
const OFFERED = 8; // models for a view, before "more"

export default {
  name: "home",
  title: "Home",
  mount(root, { connection, report, views, go }) {
    const cards = new Map(); // name → RunCard
    const chosen = new Map(); // name → whether its curve is shown
    const charts = curves({ connection, report });
    let offers = null;
    let runs = null;

    const first = h("section", { class: "card first", hidden: true, "aria-label": "Begin" });
    const now = h("p", { class: "quiet", role: "status" });
    const plotted = h("section", { class: "card", hidden: true }, h("h2", {}, "Curves"), charts.element);
    const list = h("div", { class: "columns runs" });
    const uses = h("section", { "aria-label": "Views" });
    root.append(
      h("h1", {}, "Runs"),
      now,
      first,
      plotted,
      h("p", { class: "row" }, h("a", { class: "button", href: "#build" }, "Train anything …")),
      list,
      uses,
    );

    async function begin(model, button) {
      button.disabled = true;
      button.setAttribute("aria-busy", "true");
      now.textContent = `${model} begins …`;
      try {
        const { data } = await connection.ask("train.begin", { model });
        const wrong = Object.values(data.problems ?? {});
        if (wrong.length) throw new Error(wrong[0]);
        chosen.set(data.run, true);
      } catch (error) {
        report(error);
      } finally {
        button.disabled = false;
        button.removeAttribute("aria-busy");
        update();
      }
    }

    function update() {
      if (!runs || !offers) return;
      updateFirst();
      updateRuns();
      updateUses();
    }

    function updateFirst() {
      first.hidden = runs.length > 0 || !offers.first;
      if (first.hidden || first.childElementCount) return;
      const model = offers.models.find((each) => each.name === offers.first);
      const button = h("button", { type: "button", class: "main", onclick: () => begin(model.name, button) }, `Train ${model.name}`);
      replace(
        first,
        h("h2", {}, "Nothing is trained yet"),
        h("p", {}, `Begin with ${model.name} on ${model.source}: a minute at most, and you can watch it learn.`),
        h("p", { class: "quiet small" }, model.summary),
        button,
      );
    }

    function updateRuns() {
      const going = runs.filter((run) => run.status === "running");
      const text = going.length ? `Training now: ${going.map((run) => run.name).join(", ")}` : runs.length ? `${runs.length} ${runs.length === 1 ? "run" : "runs"}` : "";
      if (now.textContent !== text) now.textContent = text;
      const names = new Set(runs.map((run) => run.name));
      for (const [name, card] of cards) {
        if (names.has(name)) continue;
        card.element.remove();
        cards.delete(name);
      }
      const begins = cards.size === 0; // later only what is new is added to what somebody looks at
      const drawn = [];
      runs.forEach((run, place) => {
        if (!chosen.has(run.name)) chosen.set(run.name, !begins || drawn.length < DRAWN);
        const on = !run.error && drawn.length < MOST && chosen.get(run.name);
        if (on) drawn.push({ name: run.name });
        let card = cards.get(run.name);
        if (!card) {
          card = new RunCard(run, { connection, report, views, chosen: (name, wanted) => (chosen.set(name, wanted), updateRuns()) });
          cards.set(run.name, card);
        }
        card.update(run);
        card.box.checked = on;
        card.box.disabled = Boolean(run.error);
        if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place] ?? null);
      });
      plotted.hidden = !runs.length;
      charts.show(drawn);
    }

    let told = "";
    function updateUses() {
      const wanting = views.filter((view) => view.uses?.length);
      const state = JSON.stringify(wanting.map((view) => [view.name, runs.find((run) => run.ready && suits(view, run))?.name]));
      if (state === told) return;
      told = state;
      replace(uses, wanting.length > 0 && h("h2", {}, "What to do with them"), h("div", { class: "columns" }, ...wanting.map(use)));
    }

    /** A view with the newest run for it, and the models to train for it. */
    function use(view) {
      const run = runs.find((each) => each.ready && suits(view, each));
      const able = offers.models.filter((model) => suits(view, model)).sort((a, b) => suits(view, b) - suits(view, a));
      const chip = (model) => {
        const button = h("button", { type: "button", class: "small", title: model.summary, "aria-label": `Train ${model.name} for ${view.title}`, onclick: () => begin(model.name, button) }, model.name);
        return button;
      };
      return h(
        "article",
        { class: "card", "aria-label": `For ${view.title}` },
        h("h3", {}, view.title),
        view.about && h("p", { class: "small quiet" }, view.about),
        run && h("p", { class: "row small" }, `with ${run.name}:`, ...links([view], run)),
        h("p", { class: "small quiet" }, able.length ? "Train one for it:" : "No installed model is for it."),
        h("div", { class: "row" }, ...able.slice(0, OFFERED).map(chip)),
        able.length > OFFERED &&
          h("details", { class: "small" }, h("summary", {}, `${able.length - OFFERED} more`), h("div", { class: "row" }, ...able.slice(OFFERED).map(chip))),
      );
    }

    connection
      .ask("home.offers")
      .then(({ data }) => ((offers = data), update()))
      .catch(report);
    const watching = connection.stream("home.watch", {}, ({ data }) => ((runs = data.runs), update()));
    watching.done.catch((error) => error instanceof Superseded || report(error));
    return () => {
      watching.stop();
      charts.stop();
    };
  },
};
