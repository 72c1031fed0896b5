// Curves of several runs: which metrics, over what, how smooth; they grow while the runs do.

import { Superseded } from "../connection.js";
import { h, labelled, replace } from "./dom.js";
import { COLOURS, Plot } from "./plot.js";

const POINTS = 500;
const WAIT = 150; // milliseconds that the smoothing must rest before it is asked for
const AXES = { step: "steps", environment_steps: "environment steps", epoch: "epochs", seconds: "seconds" };
const FIRST = [/loss|error|energy/, /accuracy|return|reward|score/]; // of which a panel shows the first or last

/** → {element, show([{name, label}]), stop()}. panels: how many charts, each of one metric. */
export function curves({ connection, report, panels = 2 }) {
  const known = new Map(); // run → {metrics, axes, curves: Map(metric → {raw, smooth})}
  const hidden = new Set();
  let runs = [];
  let stream = null;
  let chosen = Array(panels).fill(null);
  const picked = Array(panels).fill(null); // what somebody has chosen, which stays
  let timer = 0;
  let asked = 0;

  const plots = chosen.map((_, number) => new Plot(`Chart ${number + 1} of metrics`));
  const selects = chosen.map((_, number) =>
    h("select", { "aria-label": `Metric of chart ${number + 1}`, onchange: () => ((picked[number] = chosen[number] = selects[number].value), ask()) }),
  );
  const axis = h(
    "select",
    { "aria-label": "Across", onchange: ask },
    ...Object.entries(AXES).map(([value, text]) => h("option", { value }, text)),
  );
  const smoothing = h("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: "0", oninput: () => ((clearTimeout(timer)), (timer = setTimeout(ask, WAIT))) });
  const logX = h("input", { type: "checkbox", onchange: ask });
  const logY = h("input", { type: "checkbox", onchange: later });
  const legend = h("div", { class: "legend", role: "group", "aria-label": "Curves that are shown" });
  const trouble = h("p", { class: "small bad", hidden: true });
  const element = h(
    "section",
    { class: "curves", "aria-label": "Curves" },
    h(
      "div",
      { class: "row small" },
      labelled("across", axis),
      labelled("smoothing", smoothing),
      h("label", {}, logY, "log y"),
      h("label", {}, logX, "log x"),
    ),
    legend,
    h(
      "div",
      { class: "columns" },
      ...plots.map((plot, number) => h("figure", { class: "chart" }, h("figcaption", {}, selects[number]), plot.element)),
    ),
    trouble,
  );

  /** Show these runs, in this order; each keeps its colour while it stays. */
  function show(wanted) {
    const same = wanted.length === runs.length && wanted.every((run, i) => run.name === runs[i].name && run.label === runs[i].label);
    if (same) return;
    const used = new Map(runs.map((run) => [run.name, run.colour]));
    const taken = new Set(wanted.map((run) => used.get(run.name)));
    let next = 0;
    const free = () => {
      while (taken.has(next)) next++;
      taken.add(next);
      return next;
    };
    runs = wanted.map((run) => ({ ...run, colour: used.get(run.name) ?? free() }));
    for (const name of known.keys()) if (!runs.some((run) => run.name === name)) known.delete(name);
    ask();
  }

  function ask() {
    stream?.stop();
    stream = null;
    drawLegend();
    later();
    if (!runs.length) return;
    const fields = {
      runs: runs.map((run) => run.name),
      metrics: [...new Set(chosen.filter(Boolean))],
      axis: axis.value,
      smoothing: Number(smoothing.value),
      log: logX.checked,
      points: POINTS,
    };
    const mine = (stream = connection.stream("home.curves", fields, (answer) => mine === stream && receive(answer)));
    mine.done.catch((error) => error instanceof Superseded || mine !== stream || report(error));
  }

  function receive({ data, planes }) {
    const found = data.curves.map(({ metric, raw, smooth }) => [metric, { raw: line(planes[raw]), smooth: smooth === null ? null : line(planes[smooth]) }]);
    known.set(data.run, { ...data, curves: new Map(found) });
    const errors = [...known.values()].map((each) => each.error).filter(Boolean);
    trouble.hidden = !errors.length;
    trouble.textContent = errors[0] ?? "";
    if (choose()) ask();
    else later();
  }

  /** Offer the metrics and axes that there are; → whether another metric is shown than before. */
  function choose() {
    const names = [...new Set([...known.values()].flatMap((each) => each.metrics))];
    const before = chosen.join("\n");
    const all = known.size === runs.length; // else what others log might suit better
    chosen = chosen.map((name, number) => {
      if (names.includes(picked[number])) return picked[number];
      return all ? usual(names, number) : name;
    });
    selects.forEach((select, number) => {
      const offered = [...select.options].map((option) => option.value);
      if (offered.join("\n") !== names.join("\n")) replace(select, ...names.map((name) => h("option", {}, name)));
      select.value = chosen[number] ?? "";
    });
    const logged = [...known.values()].filter((each) => each.metrics.length);
    for (const option of axis.options) {
      option.disabled = logged.length > 0 && !logged.some((each) => each.axes.includes(option.value));
    }
    return chosen.join("\n") !== before;
  }

  function later() {
    asked ||= requestAnimationFrame(draw);
  }

  function draw() {
    asked = 0;
    plots.forEach((plot, number) => {
      const shown = runs
        .filter((run) => !hidden.has(run.name))
        .map((run) => {
          const found = known.get(run.name)?.curves.get(chosen[number]);
          if (!found) return null;
          const { raw, smooth } = found;
          return { name: run.label ?? run.name, colour: run.colour, dashed: run.colour >= COLOURS, ...(smooth ?? raw), faint: smooth && raw };
        })
        .filter(Boolean);
      plot.show(shown, { across: AXES[axis.value], logX: logX.checked, logY: logY.checked });
    });
  }

  function drawLegend() {
    replace(
      legend,
      ...runs.map((run) =>
        h(
          "button",
          {
            type: "button",
            class: "key small",
            "aria-pressed": !hidden.has(run.name),
            onclick: (event) => {
              if (!hidden.delete(run.name)) hidden.add(run.name);
              event.currentTarget.setAttribute("aria-pressed", String(!hidden.has(run.name)));
              later();
            },
          },
          h("span", { class: `swatch${run.colour >= COLOURS ? " dashed" : ""}`, style: { "--swatch": `var(--curve-${run.colour % COLOURS})` }, "aria-hidden": true }),
          run.label ?? run.name,
        ),
      ),
    );
  }

  function stop() {
    stream?.stop();
    stream = null;
    clearTimeout(timer);
    cancelAnimationFrame(asked);
    for (const plot of plots) plot.close();
  }

  return { element, show, stop };
}

/** The metric that a panel begins with. */
function usual(names, number) {
  const fitting = FIRST[number] ? names.filter((name) => FIRST[number].test(name)) : [];
  if (number === 0) return fitting[0] ?? names[0] ?? null;
  return fitting.at(-1) ?? names.at(-1) ?? null;
}

/** A plane (2, n) as {x, y}. */
function line(plane) {
  const count = plane.shape[1];
  return { x: plane.subarray(0, count), y: plane.subarray(count, 2 * count) };
}
