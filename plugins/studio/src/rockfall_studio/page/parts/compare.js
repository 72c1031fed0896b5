// Before and after: two pictures of one size, and a border between them to drag.

import { h } from "./dom.js";
import { drawPlane } from "./plane.js";

/** → {element, before(plane), after(plane, label), canvas}: the canvas is that of after. */
export function compare() {
  const before = h("canvas", { "aria-hidden": true });
  const after = h("canvas", { class: "after", role: "img", "aria-label": "After" });
  const border = h("div", { class: "border", "aria-hidden": true });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: 50,
    "aria-label": "How much of the photograph is seen before its style",
    oninput: () => set(Number(slider.value)),
  });
  const sheet = h("div", { class: "compared" }, before, after, border);
  sheet.addEventListener("pointerdown", (event) => {
    sheet.setPointerCapture(event.pointerId);
    at(event);
  });
  sheet.addEventListener("pointermove", (event) => sheet.hasPointerCapture(event.pointerId) && at(event));
  set(50);

  function at(event) {
    const box = sheet.getBoundingClientRect();
    set(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
  }

  function set(percent) {
    slider.value = percent;
    slider.setAttribute("aria-valuetext", `${Math.round(percent)} percent before`);
    after.style.clipPath = `inset(0 0 0 ${percent}%)`;
    border.style.left = `${percent}%`;
  }

  return {
    element: h("div", {}, sheet, h("div", { class: "row compared-row small quiet" }, "before", slider, "after")),
    canvas: after,
    before(plane) {
      drawPlane(before, plane);
      sheet.style.width = `min(100%, 56rem, ${(75 * before.width) / before.height}vh)`; // all of it is seen
    },
    after(plane, label) {
      drawPlane(after, plane);
      after.setAttribute("aria-label", label);
    },
  };
}

/** Save a canvas as a file. */
export function download(canvas, name) {
  canvas.toBlob((blob) => {
    const link = h("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}
