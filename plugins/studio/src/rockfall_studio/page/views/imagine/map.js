// A map to walk in: pictures where their latents are, and between them what lies between.

import { h, labelled, replace } from "../../parts/dom.js";
import { drawPlane } from "../../parts/plane.js";
import { pictureCanvas, pictureOf, show } from "../../parts/pictures.js";
import { at } from "./latents.js";

const SIDE = 440; // CSS pixels, at most
const MARGIN = 24;
const STEP = 0.02; // of the map, by an arrow key
const FEW = 60; // examples, where each of them is searched for

export function map(scene) {
  const canvas = h("canvas", {
    class: "map",
    tabindex: "0",
    role: "application",
    "aria-label": "Map of pictures by their latents: drag over it, or press the arrow keys, and see what is decoded there",
    "data-name": "map",
  });
  const seen = pictureCanvas(112, "The picture at this place", { "data-name": "map-picture" });
  const said = h("p", { class: "quiet small", role: "status" }, "");
  const axes = [0, 1].map((axis) => h("select", { onchange: drawAnew, "aria-label": axis ? "Vertical latent" : "Horizontal latent" }));
  const by = h(
    "select",
    { onchange: drawAnew },
    h("option", { value: "all" }, "all latents"),
    h("option", { value: "two" }, "two of them"),
  );
  const two = h("span", { class: "row", hidden: true }, axes[0], "and", axes[1]);
  let found = null; // { points, latents, pictures, labels }
  let ground = null; // the pictures, drawn once
  let place = null; // [across, down], 0 … 1
  let bounds = null;

  if (scene.picture) show(seen, scene.picture);

  let stream = null;
  const search = h("button", { type: "button", onclick: begin }, `Find ${FEW} test examples`);
  if (scene.can("encodes") || !scene.can("blends")) begin();
  else said.textContent = "This model has no encoder: the latents of pictures are searched for, which takes a while.";

  function begin() {
    search.hidden = true;
    said.textContent = "Looking for latents …";
    const fields = scene.can("encodes") || !scene.can("blends") ? {} : { count: FEW };
    stream = scene.stream("imagine.map", fields, arrived);
    stream.done.catch(scene.report);
  }

  function arrived({ data, planes }) {
    const [points, latents, pictures] = planes;
    found = { points, latents, pictures, labels: data.labels };
    const free = latents.shape[1] - (scene.about.conditional ? scene.about.classes.length : 0);
    if (!axes[0].options.length && free > 2) {
      for (const [axis, select] of axes.entries()) {
        replace(select, Array.from({ length: free }, (_, i) => h("option", { value: i, selected: i === axis }, `z${i + 1}`)));
      }
    }
    by.parentElement.hidden = free <= 2;
    const progress = points.shape[0] < data.of ? `, of ${data.of}` : "";
    said.textContent = `${points.shape[0]} ${data.what}${progress}, by ${data.by}.`;
    drawAnew();
  }

  const observer = new ResizeObserver(drawAnew);
  observer.observe(canvas);
  scene.addEventListener("picture", ({ detail }) => (detail.source === canvas || !place) && show(seen, scene.picture));

  function placed() {
    if (by.value === "all") return found.points;
    const size = found.latents.shape[1];
    const points = new Float32Array(2 * found.points.shape[0]);
    for (let i = 0; i < points.length / 2; i++) axes.forEach((axis, k) => (points[2 * i + k] = found.latents[i * size + Number(axis.value)]));
    points.shape = found.points.shape;
    return points;
  }

  function drawAnew() {
    two.hidden = by.value === "all";
    if (!found || !canvas.clientWidth) return;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const points = placed();
    bounds = [0, 1].map((axis) => {
      const values = Array.from({ length: points.shape[0] }, (_, i) => points[2 * i + axis]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return [low, high - low || 1];
    });
    ground = h("canvas", { width: side, height: side });
    const context = ground.getContext("2d");
    context.imageSmoothingEnabled = false;
    const size = Math.max(14, side / 22);
    const small = h("canvas", {});
    for (let i = 0; i < points.shape[0]; i++) {
      const [x, y] = onScreen([0, 1].map((axis) => (points[2 * i + axis] - bounds[axis][0]) / bounds[axis][1]));
      context.fillStyle = colour(found.labels[i]);
      context.fillRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
      context.drawImage(drawPlane(small, pictureOf(found.pictures, i)), x - size / 2, y - size / 2, size, size);
    }
    drawPlace();
  }

  function onScreen([across, up]) {
    const room = canvas.width - 2 * MARGIN;
    return [MARGIN + across * room, MARGIN + (1 - up) * room];
  }

  function drawPlace() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(ground, 0, 0);
    if (!place) return;
    const [x, y] = onScreen(place);
    for (const [width, style] of [[6, "#000"], [3, "#fff"]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.arc(x, y, 11 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  function walk(across, up) {
    if (!found) return;
    place = [across, up].map((value) => Math.min(1.05, Math.max(-0.05, value)));
    drawPlace();
    const [x, y] = place.map((value, axis) => bounds[axis][0] + value * bounds[axis][1]);
    const free = found.latents.shape[1] - (scene.about.conditional ? scene.about.classes.length : 0);
    let latents;
    if (by.value === "two" || free === 2) {
      latents = new Float32Array(scene.latents);
      (by.value === "two" ? axes.map((axis) => Number(axis.value)) : [0, 1]).forEach((i, k) => (latents[i] = [x, y][k]));
    } else latents = at(x, y, found.points, found.latents, scene.about.spherical);
    scene.look(latents, canvas);
  }

  function byPointer(event) {
    const box = canvas.getBoundingClientRect();
    const room = canvas.width - 2 * MARGIN;
    const pixels = [event.clientX - box.left, event.clientY - box.top].map((value) => (value * canvas.width) / box.width);
    walk((pixels[0] - MARGIN) / room, 1 - (pixels[1] - MARGIN) / room);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    byPointer(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && byPointer(event));
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const [across, up] = place ?? [0.5, 0.5];
    const step = STEP * (event.shiftKey ? 4 : 1);
    walk(across + step * move[0], up + step * move[1]);
  });

  return {
    element: h(
      "section",
      { class: "card" },
      h("h2", {}, "A map to walk in"),
      said,
      search,
      h("div", { class: "walked" }, canvas, seen),
      h("div", { class: "row" }, labelled("Placed by", by), two),
    ),
    close() {
      stream?.stop();
      observer.disconnect();
    },
  };
}

/** One of evenly spread hues; grey where the class is unknown. */
function colour(label) {
  return label < 0 ? "#8888" : `hsl(${(label * 137.5) % 360} 70% 50%)`;
}
