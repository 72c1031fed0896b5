// Imagine: what generative models have learned, to drag, walk in, blend and draw.

import { h, labelled, replace } from "../parts/dom.js";
import { blend } from "./imagine/blend.js";
import { drawing } from "./imagine/drawing.js";
import { map } from "./imagine/map.js";
import { samples, steps } from "./imagine/samples.js";
import { Scene } from "./imagine/scene.js";
import { stage } from "./imagine/stage.js";
import { training } from "./imagine/training.js";

export default {
  name: "imagine",
  title: "Imagine",
  uses: ["samples", "decodes", "reconstructs", "resamples", "blends"],
  about: "drag its latents, blend pictures, begin with a drawing",
  mount(root, { connection, rest, report, go }) {
    let gone = false;
    const open = []; // what is to be closed
    const choice = h("select", { onchange: () => go("imagine", choice.value) });
    const parts = h("div", { class: "columns imagine" });
    root.append(h("h1", {}, "Imagine"), h("div", { class: "row" }, labelled("Run", choice)), parts);
    begin().catch(report);

    async function begin() {
      const { data } = await connection.ask("imagine.runs");
      if (gone) return;
      if (!data.runs.length) {
        replace(
          parts,
          h(
            "p",
            {},
            "No run has learned to make pictures yet. ",
            h("a", { href: "#home" }, "Train one"),
            ", such as vae, gan or rbm on digits.",
          ),
        );
        return;
      }
      const run = data.runs.some(({ name }) => name === rest[0]) ? rest[0] : data.runs[0].name;
      replace(
        choice,
        data.runs.map(({ name, model, source }) =>
          h("option", { value: name, selected: name === run }, `${name} (${model} on ${source})`),
        ),
      );
      if (rest[0] && rest[0] !== run) report(new Error(`${rest[0]} makes no pictures, or is not there`));
      const about = (await connection.ask("imagine.open", { run })).data;
      if (!gone) await build(new Scene(connection, run, about, report));
    }

    async function build(scene) {
      const add = (part) => {
        if (!part) return;
        if (gone) return part.close?.();
        if (part.close) open.push(part);
        parts.append(part.element ?? part);
      };
      let blended = null;
      if (scene.can("decodes")) {
        add(await stage(scene));
        add(map(scene));
        if (scene.can("blends")) add((blended = blend(scene)));
      }
      if (scene.can("samples")) {
        add(samples(scene));
        add(await training(scene));
      }
      if (scene.can("samples-in-steps")) add(steps(scene));
      if (scene.can("reconstructs") || scene.can("resamples") || blended) add(drawing(scene, blended));
    }

    return () => {
      gone = true;
      for (const part of open) part.close();
    };
  },
};
