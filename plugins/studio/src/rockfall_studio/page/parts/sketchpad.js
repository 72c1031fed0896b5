// A sheet to draw on, with pen, eraser, undo and a picture underneath: ink on white paper, whatever
// the theme, for that is what a drawing is read as.

import { h } from "./dom.js";

const PAPER = "#fff";
const INK = "#000";
const MOST = 500; // strokes that undo goes back to
const STEP = 1 / 32; // of the side, that an arrow key moves the pen

/** sketchpad({onchange, side, thickness, label}) → {element, grey(), clear(), show(picture), empty}.

onchange(): after what was drawn changed, once a frame at most. side: pixels of the sheet's height and
width. thickness: of the pen, in hundredths of the side. grey() → Uint8Array of side × side, 0 ink, 255
paper. show(picture): puts a canvas, an image or {pixels, width, height} of bytes (RGBA) on the sheet,
fitted into it; undo takes it away again. */
export function sketchpad({ onchange, side = 224, thickness = 8, label = "Drawing" }) {
  const canvas = h("canvas", {
    width: side,
    height: side,
    class: "sketchpad",
    tabindex: "0",
    role: "application",
    "aria-label": `${label}: draw with a pointer; or arrow keys move the pen, Space lowers and lifts it`,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = h("span", { class: "sketchpad-cursor", "aria-hidden": true, hidden: true });
  let marks = []; // what is on the sheet: strokes, pictures, and clearings, which undo takes back
  let drawing = null; // the stroke that a pointer or the keys are at
  let tool = "pen";
  let keys = { x: 0.5, y: 0.5, down: false };
  let pending = false;

  const width = h("input", {
    type: "range",
    min: "2",
    max: "20",
    value: String(thickness),
    "aria-label": "Thickness of the pen",
  });
  const pen = toolButton("pen", "Pen");
  const eraser = toolButton("eraser", "Eraser");
  const back = h("button", { type: "button", onclick: undo }, "Undo");
  const empty = h("button", { type: "button", onclick: () => add({ kind: "clear" }) }, "Clear");
  const element = h(
    "div",
    { class: "sketch", onkeydown: shortcut },
    h("div", { class: "sketch-sheet" }, canvas, cursor),
    h("div", { class: "row" }, pen, eraser, back, empty),
    h("label", { class: "sketch-width" }, h("span", { class: "small quiet" }, "Thickness"), width),
  );
  choose("pen");
  redraw();

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    begin(event.pointerType === "pen" && event.buttons & 32 ? "eraser" : tool, place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drawing || !canvas.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) lengthen(place(each));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, finish);
  canvas.addEventListener("keydown", byKeys);
  canvas.addEventListener("blur", () => {
    cursor.hidden = true;
    if (keys.down) finish();
    keys.down = false;
  });

  function toolButton(name, text) {
    return h("button", { type: "button", "aria-pressed": false, onclick: () => choose(name) }, text);
  }

  function choose(name) {
    tool = name;
    pen.setAttribute("aria-pressed", String(name === "pen"));
    eraser.setAttribute("aria-pressed", String(name === "eraser"));
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function begin(kind, point) {
    drawing = { kind: "stroke", erases: kind === "eraser", width: Number(width.value) / 100, points: [point] };
    marks.push(drawing);
    stroke(drawing, 0);
    changed();
  }

  function lengthen(point) {
    const last = drawing.points.at(-1);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) * side < 0.5) return;
    drawing.points.push(point);
    stroke(drawing, drawing.points.length - 2);
    changed();
  }

  function finish() {
    drawing = null;
  }

  function add(mark) {
    finish();
    marks.push(mark);
    if (marks.length > MOST) marks = [flattened(marks.slice(0, -MOST / 2)), ...marks.slice(-MOST / 2)];
    redraw();
  }

  function undo() {
    finish();
    keys.down = false;
    if (marks.pop()) redraw();
  }

  function redraw() {
    paint(marks);
    changed();
  }

  function paint(all) {
    context.fillStyle = PAPER;
    context.fillRect(0, 0, side, side);
    const cleared = all.findLastIndex((mark) => mark.kind === "clear");
    for (const mark of all.slice(cleared + 1)) {
      if (mark.kind === "stroke") stroke(mark, 0);
      else lay(mark.picture);
    }
  }

  /** The first marks as one picture, so that the list stays short. */
  function flattened(first) {
    paint(first);
    const copy = h("canvas", { width: side, height: side });
    copy.getContext("2d").drawImage(canvas, 0, 0);
    return { kind: "picture", picture: copy };
  }

  function lay(picture) {
    const scale = Math.min(side / picture.width, side / picture.height);
    const [wide, tall] = [picture.width * scale, picture.height * scale];
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(picture, (side - wide) / 2, (side - tall) / 2, wide, tall);
  }

  /** A stroke from one of its points on. */
  function stroke(mark, from) {
    context.strokeStyle = context.fillStyle = mark.erases ? PAPER : INK;
    context.lineWidth = mark.width * side * (mark.erases ? 1.6 : 1);
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const points = mark.points.slice(from).map(([x, y]) => [x * side, y * side]);
    context.moveTo(...points[0]);
    if (points.length === 1) context.lineTo(...points[0]);
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  }

  function byKeys(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (move) {
      const length = STEP * (event.shiftKey ? 3 : 1);
      keys.x = Math.min(1, Math.max(0, keys.x + move[0] * length));
      keys.y = Math.min(1, Math.max(0, keys.y + move[1] * length));
      if (keys.down) lengthen([keys.x, keys.y]);
    } else if (keys.down) {
      keys.down = false;
      finish();
    } else {
      keys.down = true;
      begin(tool, [keys.x, keys.y]);
    }
    cursor.hidden = false;
    cursor.classList.toggle("down", keys.down);
    cursor.style.left = `${keys.x * 100}%`;
    cursor.style.top = `${keys.y * 100}%`;
  }

  function shortcut(event) {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      undo();
    }
  }

  function changed() {
    back.disabled = !marks.length;
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      onchange?.();
    });
  }

  return {
    element,
    side,
    get empty() {
      const cleared = marks.findLastIndex((mark) => mark.kind === "clear");
      return cleared === marks.length - 1;
    },
    clear: () => add({ kind: "clear" }),
    undo,
    show(picture) {
      if (!picture.pixels) return add({ kind: "picture", picture });
      const sheet = h("canvas", { width: picture.width, height: picture.height });
      const image = new ImageData(new Uint8ClampedArray(picture.pixels), picture.width, picture.height);
      sheet.getContext("2d").putImageData(image, 0, 0);
      add({ kind: "picture", picture: sheet });
    },
    grey() {
      const { data } = context.getImageData(0, 0, side, side);
      const grey = new Uint8Array(side * side);
      for (let i = 0, from = 0; i < grey.length; i++, from += 4) {
        grey[i] = (data[from] * 299 + data[from + 1] * 587 + data[from + 2] * 114) / 1000;
      }
      return grey;
    },
  };
}
