// Play: an agent, the baselines and you beside each other, on the same episode.

import { copied, shell } from "../parts/copied.js";
import { h, labelled, replace } from "../parts/dom.js";
import { drawPlane } from "../parts/plane.js";

const HUMAN = "human";
const ARROWS = { ArrowLeft: "a", ArrowRight: "d", ArrowUp: "w", ArrowDown: "s" };
const NAMES = { [HUMAN]: "you" };
const KEPT = 24; // key presses that are told again, in case one message is skipped
const SLOWEST = 1; // steps a second
const FASTEST = 400;
const SMALL = 200; // pixels, below which a frame's own are shown as squares

export default {
  name: "play",
  title: "Play",
  uses: ["acts"],
  about: "watch it play beside the baselines, or play against it",
  mount(root, { connection, rest, report }) {
    const view = new Play(root, connection, report);
    view.begin(rest[0]).catch(report);
    return () => view.leave();
  },
};

class Play {
  #game = null; // what is streamed now
  #about = null; // the chosen environment
  #pace = { fps: 10, paused: false, advance: 0 };
  #keys = [];
  #pressed = 0;
  #held = new Set();
  #lanes = new Map();
  #left = false;
  #changed = false; // since the game was begun

  constructor(root, connection, report) {
    this.connection = connection;
    this.report = report;
    this.what = h("select", { id: "play-what", onchange: () => this.#choose().catch(report) });
    this.who = h("fieldset", { class: "row" });
    this.seed = h("input", { type: "number", min: 0, max: 99999, value: 0, step: 1, onchange: () => this.#restart() });
    this.speed = h("input", {
      type: "range",
      min: 0,
      max: 100,
      "aria-label": "Steps a second",
      oninput: () => this.#set({ fps: ofSlider(this.speed.valueAsNumber) }),
    });
    this.shownSpeed = h("span", { class: "number" });
    this.startButton = h("button", { type: "button", class: "main", onclick: () => this.#restart() }, "Restart");
    this.pauseButton = h("button", { type: "button", "aria-pressed": false, onclick: () => this.#pause() }, "Pause");
    this.stepButton = h("button", { type: "button", onclick: () => this.#step() }, "One step");
    this.nextButton = h("button", { type: "button", onclick: () => this.#next() }, "Next game");
    this.status = h("p", { role: "status", class: "quiet" });
    this.players = h("div", { class: "players" });
    this.copying = h("div");
    root.append(
      h("h1", {}, "Play"),
      h(
        "div",
        { class: "card controls columns" },
        h("div", { class: "row" }, labelled("What", this.what), labelled("Game number", this.seed)),
        this.who,
        h("div", { class: "row" }, this.startButton, this.pauseButton, this.stepButton, this.nextButton),
        h("label", { class: "speed" }, "Speed", this.speed, this.shownSpeed),
      ),
      this.status,
      this.players,
      this.copying,
    );
    addEventListener("keydown", this.#onKey);
    addEventListener("keyup", this.#onKey);
    addEventListener("blur", this.#release);
  }

  leave() {
    this.#left = true;
    removeEventListener("keydown", this.#onKey);
    removeEventListener("keyup", this.#onKey);
    removeEventListener("blur", this.#release);
    this.#game?.stream.stop();
    this.#game = null;
  }

  async begin(run) {
    const { data } = await this.connection.ask("play.choices");
    const option = (value, text) => h("option", { value }, text);
    replace(
      this.what,
      data.runs.length > 0 &&
        h("optgroup", { label: "Agents" }, data.runs.map((each) => option(`run ${each.name}`, `${each.name} (${each.source})`))),
      h("optgroup", { label: "Games" }, data.environments.map((name) => option(`environment ${name}`, name))),
    );
    const wanted = `run ${run}`;
    if ([...this.what.options].some((each) => each.value === wanted)) this.what.value = wanted;
    else if (run) this.report(new Error(`There is no agent ${run} to watch.`));
    await this.#choose();
  }

  /** Another agent or game: who can play it, and how fast. */
  async #choose() {
    this.#game?.stream.stop();
    this.#game = this.#about = null;
    replace(this.players);
    replace(this.who);
    const [kind, name] = split(this.what.value);
    const chosen = (this.chosen = { [kind]: name });
    const { data } = await this.connection.ask("play.about", chosen);
    if (chosen !== this.chosen || this.#left) return;
    this.#about = data;
    const agents = data.runs.slice(0, 4);
    const first = kind === "run" ? name : agents[0];
    const oracle = data.baselines.find((each) => each !== "random");
    const names = [...new Set([first, ...agents, ...[...data.baselines].reverse()].filter(Boolean))];
    const box = (value, text, checked) =>
      labelled(text, h("input", { type: "checkbox", value, checked, onchange: () => this.#restart() }));
    replace(
      this.who,
      h("legend", {}, "Who plays"),
      names.map((each) => box(each, each, each === first || each === oracle || each === "random")),
      data.keys.length > 0 && box(HUMAN, "you", false),
    );
    this.who.title = data.why;
    this.#restart();
  }

  #chosenPlayers() {
    return [...this.who.querySelectorAll("input:checked")].map((each) => each.value);
  }

  #restart() {
    this.#game?.stream.stop();
    this.#game = null;
    const players = this.#chosenPlayers();
    if (!this.#about) return;
    const byHand = players.includes(HUMAN);
    if (byHand !== this.byHand) this.#pace.fps = byHand ? this.#about.by_hand : this.#about.fps;
    this.byHand = byHand;
    Object.assign(this.#pace, { paused: false, advance: 0 });
    this.#keys = [];
    this.#changed = false;
    this.#held.clear();
    this.#showPace();
    this.#lanes = new Map(players.map((name) => [name, new Lane(name, this.#about.actions)]));
    replace(this.players, [...this.#lanes.values()].map((lane) => lane.element));
    this.#lanes.get(HUMAN)?.element.append(this.#buttons());
    replace(this.copying, copied(() => this.#written()));
    if (!players.length) {
      this.status.textContent = "Tick somebody who plays.";
      return;
    }
    this.status.textContent = byHand ? `Press a key to begin: ${this.#hint()}` : "";
    const token = `game-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
    const fields = { ...this.chosen, players, seed: this.#seed(), ...this.#pace, game: token };
    const game = { token, done: false };
    game.stream = this.connection.stream("play.watch", fields, (answer) => this.#draw(game, answer));
    this.#game = game;
    game.stream.done.catch((error) => this.#game === game && this.report(error));
  }

  #seed() {
    const given = this.seed.valueAsNumber;
    return Number.isInteger(given) && given >= 0 ? Math.min(given, 99999) : 0;
  }

  #draw(game, { data, planes }) {
    if (game !== this.#game) return;
    if (!game.begun) {
      game.begun = true;
      if (this.#changed) this.#set({}); // said before there was a game to hear it
    }
    for (const player of data.players) this.#lanes.get(player.name)?.draw(player, planes[player.plane]);
    if (data.waits === false && this.byHand && !game.told) {
      game.told = true;
      this.status.textContent = this.#hint();
    }
    if (!data.done) return;
    game.done = true;
    const scores = [...this.#lanes.values()].sort((one, other) => other.score - one.score);
    this.status.textContent = `Over. ${scores.map((lane) => `${lane.title}: ${lane.score}`).join(", ")}`;
  }

  #set(changes) {
    Object.assign(this.#pace, changes);
    this.#showPace();
    if (!this.#game || this.#game.done) return;
    this.#changed = true;
    const fields = { ...this.#pace, game: this.#game.token, keys: this.#keys, held: [...this.#held] };
    this.connection.ask("play.control", fields).catch(this.report);
  }

  #showPace() {
    this.speed.value = toSlider(this.#pace.fps);
    const fps = this.#pace.fps;
    this.shownSpeed.textContent = `${fps < 10 ? Number(fps.toFixed(1)) : Math.round(fps)} a second`;
    this.speed.setAttribute("aria-valuetext", this.shownSpeed.textContent);
    this.pauseButton.setAttribute("aria-pressed", this.#pace.paused);
    this.pauseButton.textContent = this.#pace.paused ? "Go on" : "Pause";
  }

  #pause() {
    this.#set({ paused: !this.#pace.paused });
  }

  #step() {
    this.#set({ paused: true, advance: this.#pace.advance + 1 });
  }

  #next() {
    this.seed.value = (this.#seed() + 1) % 100000;
    this.#restart();
  }

  // Keys count wherever the focus is, but where they are typed or work a control.
  #onKey = (event) => {
    if (!this.byHand || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    const key = ARROWS[event.key] ?? event.key.toLowerCase();
    if (!this.#about?.keys.some((each) => each.key === key)) return;
    if (key === " " && event.target instanceof Element && event.target.closest("button, input")) return;
    event.preventDefault();
    if (event.type === "keydown" && !event.repeat) this.#press(key);
    if (event.type === "keyup") this.#letGo(key);
  };

  #release = () => {
    if (!this.#held.size) return;
    this.#held.clear();
    this.#set({});
  };

  #press(key) {
    this.#keys = [...this.#keys, [++this.#pressed, key]].slice(-KEPT);
    this.#held.delete(key);
    this.#held.add(key);
    this.#set({});
  }

  #letGo(key) {
    if (this.#held.delete(key)) this.#set({});
  }

  /** A button for each key, for fingers on a screen. */
  #buttons() {
    const button = ({ key, label }) =>
      h(
        "button",
        {
          type: "button",
          "aria-label": `Key ${label}`,
          onpointerdown: (event) => {
            event.preventDefault();
            event.currentTarget.setPointerCapture(event.pointerId);
            this.#press(key);
          },
          onpointerup: () => this.#letGo(key),
          onpointercancel: () => this.#letGo(key),
          onclick: (event) => {
            if (event.detail === 0) {
              // By the keyboard, which gives no pointer.
              this.#press(key);
              this.#letGo(key);
            }
          },
        },
        label,
      );
    return h("div", { class: "keys" }, this.#about.keys.map(button));
  }

  #hint() {
    return `${this.#about.keys.map((each) => each.label).join("  ")} play`;
  }

  #written() {
    const [kind, name] = split(this.what.value);
    const player = this.byHand ? HUMAN : (this.#chosenPlayers()[0] ?? "random");
    const words = kind === "run" && player === name ? [name] : [player, this.#about.source];
    return { command: shell(["play", ...words, "--seed", this.#seed()]) };
  }
}

/** One who plays: its frame, score, and what it thinks of each action. */
class Lane {
  score = 0;

  constructor(name, actions) {
    this.title = NAMES[name] ?? name;
    this.canvas = h("canvas", { role: "img", "aria-label": `The game of ${this.title}`, width: 256, height: 256 });
    this.shownScore = h("span", { class: "score" }, "0");
    this.note = h("p", { class: "quiet small number" }, "step 0");
    this.bars = h("div", { class: "bars", hidden: true });
    this.actions = actions;
    this.element = h(
      "article",
      { class: `card player${name === HUMAN ? " human" : ""}`, "data-player": name },
      h("h2", {}, h("span", {}, this.title), this.shownScore),
      this.canvas,
      this.note,
      this.bars,
    );
  }

  draw(player, plane) {
    drawPlane(this.canvas, plane);
    this.canvas.classList.toggle("pixels", plane.shape[0] < SMALL);
    this.score = player.score;
    this.shownScore.textContent = String(Number(player.score.toFixed(2)));
    this.note.textContent = `${player.over ? "over at" : "step"} ${player.steps}`;
    this.element.classList.toggle("over", player.over);
    if (player.bars) this.#drawBars(player);
  }

  #drawBars({ bars, probable, best }) {
    this.bars.hidden = false;
    if (this.bars.children.length !== bars.length + 1) this.#makeBars(bars.length);
    const [low, high] = probable ? [0, 1] : [Math.min(...bars), Math.max(...bars)];
    const [caption, ...rows] = this.bars.children;
    caption.textContent = probable ? "probability of each action" : "value of each action";
    rows.forEach((row, index) => {
      const share = probable ? bars[index] : high > low ? 0.06 + (0.94 * (bars[index] - low)) / (high - low) : 1;
      row.classList.toggle("best", index === best);
      row.querySelector(".fill").style.width = `${100 * share}%`;
      row.querySelector(".number").textContent = bars[index].toFixed(probable ? 2 : 3);
    });
  }

  #makeBars(count) {
    const row = (_, index) =>
      h(
        "div",
        { class: "bar" },
        h("span", {}, this.actions?.[index] ?? String(index)),
        h("span", { class: "track" }, h("span", { class: "fill" })),
        h("span", { class: "number" }),
      );
    replace(this.bars, h("span", { class: "quiet small" }), Array.from({ length: count }, row));
  }
}

function split(value) {
  const at = value.indexOf(" ");
  return [value.slice(0, at), value.slice(at + 1)];
}

function ofSlider(value) {
  return SLOWEST * (FASTEST / SLOWEST) ** (value / 100);
}

function toSlider(fps) {
  return (100 * Math.log(fps / SLOWEST)) / Math.log(FASTEST / SLOWEST);
}
