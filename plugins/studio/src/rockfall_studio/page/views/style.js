// Style: a photograph through trained styles, and painted anew by models that learn it.

import { h } from "../parts/dom.js";
import { painted } from "./style/painted.js";
import { photograph } from "./style/photograph.js";
import { styled } from "./style/styled.js";

export default {
  name: "style",
  title: "Style",
  uses: ["stylizes", "paints"],
  about: "a photograph in styles, or painted anew",
  mount(root, { connection, rest, report }) {
    let gone = false;
    const open = [];
    root.append(h("h1", {}, "Style"));
    connection
      .ask("style.styles")
      .then(({ data }) => {
        if (gone) return;
        const chosen = photograph({ connection, report, pictures: data.pictures, first: data.first });
        const [run] = rest;
        open.push(chosen, styled({ connection, report, chosen, styles: data.styles, run }));
        if (data.painters.length) open.push(painted({ connection, report, chosen, ...data, run: data.paintings.includes(run) ? run : "" }));
        root.append(h("div", { class: "styling" }, open.flatMap((part) => part.element)));
        chosen.begin();
      })
      .catch(report);
    return () => {
      gone = true;
      for (const part of open) part.close?.();
    };
  },
};
