// Home: the runs.

import { h, replace } from "../parts/dom.js";

export default {
  name: "home",
  title: "Home",
  mount(root, { connection, report }) {
    const list = h("div", { class: "columns" });
    root.append(h("h1", {}, "Runs"), list);
    connection
      .ask("home.runs")
      .then(({ data }) => replace(list, data.runs.map(card)))
      .catch(report);
  },
};

function card(run) {
  return h(
    "article",
    { class: "card" },
    h("h2", {}, run.name),
    h("p", {}, h("span", { class: `tag ${run.status}` }, run.status)),
    h("p", { class: "quiet small" }, run.error ?? `${run.model} on ${run.source}`),
  );
}
