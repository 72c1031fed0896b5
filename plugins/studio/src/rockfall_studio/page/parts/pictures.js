// Small pictures, enlarged so that each pixel is seen.

import { h } from "./dom.js";
import { drawPlane } from "./plane.js";

/** One of many pictures (N, H, W, C). */
export function pictureOf(planes, index) {
  const [, ...shape] = planes.shape;
  const size = shape.reduce((product, side) => product * side, 1);
  const picture = planes.subarray(index * size, (index + 1) * size);
  picture.shape = shape;
  return picture;
}

/** A canvas that is `side` CSS pixels wide at most, whatever its picture has. */
export function pictureCanvas(side, label, properties = {}) {
  return h("canvas", {
    class: "pixels picture",
    width: 1,
    height: 1,
    role: "img",
    "aria-label": label,
    style: { width: `${side}px` },
    ...properties,
  });
}

/** Draw a picture (H, W, C) on a canvas, if there is one. */
export function show(canvas, picture) {
  if (picture) drawPlane(canvas, picture);
  canvas.toggleAttribute("data-shown", Boolean(picture));
  return canvas;
}

/** Rows of pictures (N, H, W, C): thumbs(planes, i => ({label, pressed, chosen()})) → element. Without
`chosen` they are no buttons. */
export function thumbs(planes, about, side = 48) {
  return h(
    "div",
    { class: "thumbs" },
    Array.from({ length: planes.shape[0] }, (_, index) => {
      const { label, chosen } = about(index);
      const canvas = show(pictureCanvas(side, label, { role: chosen ? "presentation" : "img" }), pictureOf(planes, index));
      return chosen ? h("button", { type: "button", class: "thumb", "aria-label": label, onclick: chosen }, canvas) : canvas;
    }),
  );
}
