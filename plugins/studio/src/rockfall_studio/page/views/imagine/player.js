// A film of steps: a slider, and a button that plays it.

import { h, replace } from "../../parts/dom.js";

const SECONDS = 6; // that a film takes
const LONGEST = 0.4; // seconds, of one frame

/** player({label, name, draw}) → {element, grow(steps), close()}. steps: a text each. draw(index) → what to show, or a
promise of it; nothing, where it is not there yet. */
export function player({ label, name, draw }) {
  let steps = [];
  let timer = null;
  let asked = 0;
  const shown = h("div", { "data-name": name });
  const said = h("output", { class: "number small quiet" });
  const slider = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": label, oninput: seek });
  const button = h("button", { type: "button", onclick: play, "aria-pressed": false }, "Play");

  function seek() {
    stop();
    see();
  }

  async function see() {
    const index = Number(slider.value);
    const own = ++asked;
    said.textContent = steps[index];
    const found = await draw(index);
    if (found && own === asked) replace(shown, found);
  }

  function grow(known) {
    const atEnd = Number(slider.value) >= steps.length - 1;
    steps = known;
    slider.max = steps.length - 1;
    if (atEnd) {
      slider.value = steps.length - 1;
      see();
    }
  }

  function play() {
    if (timer) return stop();
    if (Number(slider.value) >= steps.length - 1) slider.value = 0;
    button.setAttribute("aria-pressed", "true");
    see();
    timer = setInterval(() => {
      if (Number(slider.value) >= steps.length - 1) return stop();
      slider.value = Number(slider.value) + 1;
      see();
    }, 1000 * Math.min(LONGEST, SECONDS / Math.max(1, steps.length)));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    button.setAttribute("aria-pressed", "false");
  }

  return { element: h("div", {}, shown, h("div", { class: "row played" }, button, slider, said)), grow, close: stop };
}
