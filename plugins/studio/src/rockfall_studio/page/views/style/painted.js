// Models that learn one picture, growing beside it.

import { copied, shell } from "../../parts/copied.js";
import { h, labelled, replace } from "../../parts/dom.js";
import { drawPlane } from "../../parts/plane.js";
import { upload } from "../../parts/upload.js";

const SIZES = [96, 128, 192, 256, 384, 512];
const USUAL = 192;
const OWN = "your own";

export function painted({ connection, report, chosen, painters, pictures, run: asked }) {
  let stream = null;
  let run = "";
  let own = null; // a style picture from outside: {picture, file}
  const model = h("select", { onchange: choose }, painters.map(({ name, summary }) => h("option", { value: name, title: summary }, name)));
  const summary = h("p", { class: "quiet small" });
  const style = h(
    "select",
    { onchange: choose },
    pictures.map(({ name }) => h("option", { value: name }, name)),
    h("option", { value: OWN }, OWN),
  );
  // One that looks like a style, where there are several: the newest that was registered.
  if (pictures.length) style.value = pictures[pictures.length - 1].name;
  const other = upload({ take: keep, report, label: "Open a style picture", elsewhere: false });
  const size = h("select", {}, SIZES.map((side) => h("option", { value: side, selected: side === USUAL }, `${side} pixels`)));
  const begin = h("button", { type: "button", class: "main", disabled: !chosen.picture && !asked, onclick: () => (run ? stop() : start()).catch(report) }, "Paint");
  const before = h("canvas", { role: "img", "aria-label": "The photograph" });
  const after = h("img", { alt: "Its painting", hidden: true, "data-name": "painting" });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "How far it is" });
  const said = h("p", { class: "quiet small", role: "status", "data-name": "painted" });
  const styleRow = h("div", {}, h("div", { class: "row" }, labelled("Style picture", style)), other.element);
  chosen.events.addEventListener("change", () => {
    drawPlane(before, chosen.preview);
    begin.disabled = false;
  });
  choose();
  if (asked) {
    run = asked;
    follow();
  }

  function choose() {
    const about = painters.find(({ name }) => name === model.value);
    summary.textContent = about.summary;
    styleRow.hidden = !about.restyles;
    other.element.hidden = style.value !== OWN;
  }

  function keep({ bytes, name }) {
    connection
      .ask("style.keep", { name }, bytes)
      .then(({ data }) => {
        own = { picture: data.picture, file: name };
        said.textContent = `The style is ${name}.`;
      })
      .catch(report);
  }

  function styleOf() {
    if (styleRow.hidden) return null;
    return style.value === OWN ? own : { picture: style.value, file: style.value };
  }

  async function start() {
    const chosenStyle = styleOf();
    if (!styleRow.hidden && !chosenStyle) throw new Error("open a style picture first");
    const fields = { model: model.value, picture: chosen.picture, size: Number(size.value) };
    if (chosenStyle) fields.style = chosenStyle.picture;
    begin.disabled = true;
    said.textContent = "Starting …";
    try {
      ({ run } = (await connection.ask("style.paint", fields)).data);
    } catch (error) {
      said.textContent = "";
      throw error;
    } finally {
      begin.disabled = false;
    }
    follow();
  }

  function follow() {
    begin.textContent = "Stop";
    bar.hidden = false;
    stream?.stop();
    stream = connection.stream("style.grow", { run }, grown);
    stream.done.then(ended, (error) => {
      ended();
      report(error);
    });
  }

  function grown({ data, planes }) {
    bar.value = data.running ? (data.fraction ?? 0) : 1;
    if (planes.length) {
      URL.revokeObjectURL(after.src);
      after.src = URL.createObjectURL(new Blob([planes[0]], { type: "image/png" }));
      after.hidden = false;
    }
    replace(
      said,
      `${run}: `,
      data.step === null ? (data.running ? "measuring" : "done") : `step ${data.step.toLocaleString("en")}`,
      !data.running && [" · ", h("a", { href: "#home" }, "its figures")],
    );
  }

  async function stop() {
    await connection.ask("train.stop", { run });
  }

  function ended() {
    run = "";
    begin.textContent = "Paint";
    bar.hidden = true;
  }

  function command() {
    const given = styleOf();
    return shell(["train", model.value, chosen.file, `source.size=${size.value}`, given ? `style=${given.file}` : undefined]);
  }

  return {
    close() {
      stream?.stop();
      other.close();
      URL.revokeObjectURL(after.src);
    },
    element: h(
      "section",
      { class: "card wide" },
      h("h2", {}, "Painted anew"),
      h("div", { class: "row" }, labelled("By", model), labelled("Longer side", size), begin, bar),
      summary,
      styleRow,
      h("div", { class: "grown" }, before, after),
      said,
      copied(() => ({ command: command() })),
    ),
  };
}
