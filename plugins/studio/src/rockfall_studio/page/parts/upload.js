// A picture from outside: a file, the clipboard, dropped, or the webcam.

import { h, replace } from "./dom.js";

/** Bytes that the studio takes with one request, less some for the request itself. */
export const LARGEST = 31 * 2 ** 20;

/** upload({take, report, label, elsewhere}) → {element, close()}.

take({bytes, name}): gets each picture's file as it is, a Uint8Array; the studio reads it. report(error):
what was no picture. close(): ends the webcam and lets go of the page's clipboard. label: of the button.
elsewhere: whether what is pasted goes here, wherever on the page that was. */
export function upload({ take, report, label = "Open a picture", elsewhere = true }) {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    class: "visually-hidden",
    tabindex: "-1",
    "aria-hidden": true,
    onchange: () => {
      read(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    },
  });
  const open = h("button", { type: "button", onclick: () => input.click() }, label);
  const camera = webcam((blob) => read(blob, "webcam.png"), report);
  const element = h(
    "div",
    { class: "upload", ondragover: hover, ondragleave: leave, ondrop: drop },
    h("div", { class: "row" }, open, input, camera.button, h("span", { class: "quiet small" }, "or paste, or drop one here")),
    camera.element,
  );
  const pasted = elsewhere ? document : element;
  pasted.addEventListener("paste", paste);

  async function read(file, name = file?.name ?? "picture") {
    if (!file) return;
    if (file.size > LARGEST) return report(new Error(`${name} has more than ${LARGEST / 2 ** 20} MB`));
    try {
      take({ bytes: new Uint8Array(await file.arrayBuffer()), name });
    } catch (error) {
      report(error);
    }
  }

  function paste(event) {
    const file = pictureIn(event.clipboardData);
    if (!file) return; // text, which goes where it was to go
    event.preventDefault();
    read(file, "pasted");
  }

  function hover(event) {
    event.preventDefault();
    element.classList.add("over");
  }

  function leave() {
    element.classList.remove("over");
  }

  function drop(event) {
    event.preventDefault();
    leave();
    const file = pictureIn(event.dataTransfer) ?? event.dataTransfer.files[0];
    if (file) read(file);
    else report(new Error("what was dropped is no file: save the picture first, or copy and paste it"));
  }

  function close() {
    camera.stop();
    pasted.removeEventListener("paste", paste);
  }

  return { element, close };
}

function pictureIn(transfer) {
  return [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

/** A button that asks for the webcam, and what it sees until a picture is taken. */
function webcam(taken, report) {
  const video = h("video", { muted: true, playsinline: true, "aria-label": "What the webcam sees" });
  const element = h("div", { class: "row", hidden: true });
  const button = h("button", { type: "button", onclick: start, hidden: !navigator.mediaDevices }, "Webcam");
  replace(
    element,
    video,
    h("button", { type: "button", class: "main", onclick: take }, "Take the picture"),
    h("button", { type: "button", onclick: stop }, "Stop"),
  );

  async function start() {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
      await video.play();
      element.hidden = false;
    } catch (error) {
      report(new Error(`no picture from the webcam: ${error.message}`));
    }
  }

  function take() {
    const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(taken, "image/png");
    stop();
  }

  function stop() {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
    element.hidden = true;
  }

  return { button, element, stop };
}
