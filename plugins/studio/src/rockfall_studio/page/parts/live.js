// While somebody drags, only the newest counts.

import { Superseded } from "../connection.js";

/** live(work, report) → (…arguments) → nothing. Calls `await work(…)` one at a time, and next with what
was asked for last; report gets what it throws, but for what a newer one replaced. */
export function live(work, report) {
  let busy = false;
  let next = null;

  async function run() {
    busy = true;
    while (next) {
      const given = next;
      next = null;
      try {
        await work(...given);
      } catch (error) {
        if (!(error instanceof Superseded)) report(error);
      }
    }
    busy = false;
  }

  return (...given) => {
    next = given;
    if (!busy) run();
  };
}
