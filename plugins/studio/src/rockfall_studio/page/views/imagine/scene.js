// What the parts of Imagine share: one run, and the latents that are looked at.

import { live } from "../../parts/live.js";
import { pictureOf } from "../../parts/pictures.js";

/** Events: "latents" when they change, and "picture" once they are decoded; of both `detail` has
`source`, which part of the view it was. */
export class Scene extends EventTarget {
  constructor(connection, run, about, report) {
    super();
    Object.assign(this, { connection, run, about, report });
    this.latents = null;
    this.picture = null;
    this.#decode = live(async (latents, source) => {
      const { planes } = await this.ask("imagine.decode", {}, latents);
      this.picture = pictureOf(planes[0], 0);
      this.#tell("picture", source);
    }, report);
  }

  #decode;

  can(capability) {
    return this.about.can.includes(capability);
  }

  /** As `connection.ask`, of this run. */
  ask(name, fields = {}, bytes = null) {
    return this.connection.ask(name, { run: this.run, ...fields }, bytes);
  }

  stream(name, fields, onAnswer, bytes = null) {
    return this.connection.stream(name, { run: this.run, ...fields }, onAnswer, bytes);
  }

  /** Look at these latents. source: who says so. */
  look(latents, source) {
    this.latents = latents;
    this.#tell("latents", source);
    this.#decode(latents, source);
  }

  #tell(what, source) {
    this.dispatchEvent(new CustomEvent(what, { detail: { source } }));
  }
}
