// The photograph that all is done to.

import { h, labelled } from "../../parts/dom.js";
import { drawPlane } from "../../parts/plane.js";
import { upload } from "../../parts/upload.js";

/** → {element, picture, file, preview, begin(), close()}; its `events` has "change" when it is another.

picture: as the studio knows it. file: what to type for it. preview: (H, W, 3). */
export function photograph({ connection, report, pictures, first }) {
  let asked = 0; // requests so far: what was opened last is what is shown, whichever is read first
  const events = new EventTarget();
  const canvas = h("canvas", { class: "photograph", role: "img", "aria-label": "The photograph", "data-name": "photograph" });
  const said = h("p", { class: "quiet small", role: "status" });
  const select = h(
    "select",
    { onchange: () => select.value && look(select.value) },
    h("option", { value: "" }, "your own"),
    pictures.map(({ name, summary }) => h("option", { value: name, title: summary }, name)),
  );
  const own = upload({ take: keep, report, label: "Open a photograph" });
  const found = {
    events,
    picture: "",
    file: "",
    preview: null,
    begin: () => first && look(first),
    close: own.close,
    element: h(
      "section",
      { class: "card" },
      h("h2", {}, "A photograph"),
      own.element,
      h("div", { class: "row" }, labelled("or one that is here", select)),
      canvas,
      said,
    ),
  };
  return found;

  function keep({ bytes, name }) {
    take(connection.ask("style.keep", { name }, bytes), name);
  }

  function look(name) {
    take(connection.ask("style.look", { picture: name }), name);
  }

  function take(answer, name) {
    const own = ++asked;
    answer.then((found) => own === asked && show(found, name)).catch(report);
  }

  function show({ data, planes }, name) {
    Object.assign(found, { picture: data.picture, file: name, preview: planes[0] });
    drawPlane(canvas, planes[0]);
    select.value = data.picture === name ? name : "";
    said.textContent = [name, `${data.width} × ${data.height}`, ...data.notes].join(", ");
    events.dispatchEvent(new Event("change"));
  }
}
