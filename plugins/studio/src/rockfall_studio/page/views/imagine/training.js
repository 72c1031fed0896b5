// The same noise through training.

import { Superseded } from "../../connection.js";
import { copied, shell } from "../../parts/copied.js";
import { h } from "../../parts/dom.js";
import { player } from "./player.js";

const named = (step) => (step === null ? "in the end" : `after step ${step.toLocaleString("en")}`);

/** → {element, close()}, or nothing where the run left no pictures. */
export async function training(scene) {
  const { data } = await scene.ask("home.pictures");
  const own = data.pictures.filter(({ of }) => of === scene.about.film);
  const pictures = [...own.filter(({ step }) => step !== null), ...own.filter(({ step }) => step === null)];
  if (pictures.length < 2) return null;
  const known = new Map(); // name → element
  const film = player({ label: "Samples", name: "training", draw });

  async function draw(index) {
    const { name, step } = pictures[index];
    try {
      if (!known.has(name)) {
        const answer = await scene.ask("home.picture", { name });
        const src = URL.createObjectURL(new Blob([answer.planes[0]], { type: answer.data.type }));
        known.set(name, h("img", { src, class: "sheet", alt: `Samples ${named(step)}` }));
      }
    } catch (error) {
      if (!(error instanceof Superseded)) scene.report(error);
    }
    return known.get(name);
  }

  film.grow(pictures.map(({ step }) => named(step)));
  return {
    element: h(
      "section",
      { class: "card" },
      h("h2", {}, "The same noise through training"),
      film.element,
      copied(() => ({ command: shell(["sample", scene.run, "--animate"]) })),
    ),
    close() {
      film.close();
      for (const { src } of known.values()) URL.revokeObjectURL(src);
    },
  };
}
