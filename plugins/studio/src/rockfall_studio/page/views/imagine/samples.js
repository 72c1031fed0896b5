// Samples of any model that samples, and how they come about.

import { copied, shell } from "../../parts/copied.js";
import { h, labelled, replace } from "../../parts/dom.js";
import { thumbs } from "../../parts/pictures.js";
import { player } from "./player.js";
import { choice } from "./stage.js";

const COUNT = 24;

export function samples(scene) {
  const decodes = scene.can("decodes");
  const grid = h("div", { "data-name": "samples" });
  const seed = h("input", { type: "number", min: 0, max: 2 ** 32 - 1, value: 0, onchange: draw });
  const chosen = choice(scene.about.conditional ? scene.about.classes : [], draw, true);
  draw();

  async function draw() {
    const fields = { count: COUNT, seed: Math.max(0, Math.floor(Number(seed.value) || 0)) };
    if (chosen.value !== null) fields.label = chosen.value;
    try {
      const { planes } = await scene.ask(decodes ? "imagine.draw" : "imagine.sample", fields);
      replace(grid, thumbs(planes[0], (i) => about(i, planes[1])));
    } catch (error) {
      scene.report(error);
    }
  }

  function about(index, latents) {
    const label = `Sample ${index + 1}`;
    if (!latents) return { label };
    const size = latents.shape[1];
    return { label, chosen: () => scene.look(new Float32Array(latents.subarray(index * size, (index + 1) * size)), "sample") };
  }

  function next() {
    seed.value = Number(seed.value) + 1;
    draw();
  }

  const command = () => {
    const name = chosen.value === null ? [] : ["--class", scene.about.classes[chosen.value]];
    return shell(["sample", scene.run, "-n", COUNT, "--seed", seed.value, ...name]);
  };
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Samples"),
    decodes && h("p", { class: "quiet small" }, "Click one to look at its latents."),
    grid,
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: next }, "Others"),
      labelled("Seed", seed),
      chosen.element,
    ),
    copied(() => ({ command: command() })),
  );
}

/** Step by step, from the start of a chain or a flow to its samples. */
export function steps(scene) {
  const frames = [];
  const film = player({ label: "Step", name: "steps", draw: (index) => (frames[index] ? thumbs(frames[index].planes[0], (i) => ({ label: `Sample ${i + 1}` })) : null) });
  const stream = scene.stream("imagine.steps", {}, (answer) => {
    frames.push(answer);
    film.grow(frames.map(({ data }) => `step ${data.step.toLocaleString("en")}`));
  });
  stream.done.catch(scene.report);
  return {
    element: h("section", { class: "card" }, h("h2", {}, "How they come about"), film.element),
    close() {
      stream.stop();
      film.close();
    },
  };
}
