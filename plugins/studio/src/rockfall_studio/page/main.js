// The frame around the views: which is shown, light or dark, and what went wrong.

import { Connection, Superseded } from "./connection.js";
import { h, replace } from "./parts/dom.js";
import build from "./views/build.js";
import home from "./views/home.js";
import imagine from "./views/imagine.js";
import play from "./views/play.js";
import see from "./views/see.js";
import style from "./views/style.js";

const VIEWS = [home, see, build, imagine, style, play];

const connection = new Connection();
const root = document.getElementById("main");
const trouble = document.getElementById("trouble");
let unmount = () => {};

/** What a view gets beside its element. rest: what stands after its name in the address, "see/RUN".
views: all of them: {name, title, mount}, and of one that is for runs `uses`, the capabilities any of which
makes a run one for it, and `about`, what can be done there, in a line. */
function context(rest) {
  return { connection, rest, report, go, views: VIEWS };
}

/** Show an error as one line, until the next view or a click; nothing for what a newer one replaced. */
function report(error) {
  if (error instanceof Superseded) return;
  trouble.textContent = error.message ?? String(error);
  trouble.hidden = false;
}

function go(...path) {
  location.hash = path.map(encodeURIComponent).join("/");
}

function show() {
  const [name, ...rest] = location.hash.slice(1).split("/").map(decode);
  if (name === "main") return; // the link past the navigation
  const view = VIEWS.find((each) => each.name === name) ?? home;
  unmount();
  trouble.hidden = true;
  replace(root);
  document.title = `${view.title} · Rockfall studio`;
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.hash === `#${view.name}`;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  unmount = view.mount(root, context(rest)) ?? (() => {});
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// localStorage may be forbidden: then a choice lasts as long as the page.
function remembered(value) {
  try {
    if (value !== undefined) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

function theme(chosen) {
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (chosen) document.documentElement.dataset.theme = chosen;
  const button = document.getElementById("theme");
  button.textContent = dark ? "☾" : "☀";
  button.onclick = () => theme(remembered(dark ? "light" : "dark") ?? (dark ? "light" : "dark"));
}

replace(
  document.getElementById("views"),
  VIEWS.map((view) => h("a", { href: `#${view.name}` }, view.title)),
);
theme(remembered());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme(remembered()));
trouble.addEventListener("click", () => (trouble.hidden = true));
addEventListener("hashchange", show);
addEventListener("unhandledrejection", (event) => report(event.reason));
addEventListener("error", (event) => report(event.error ?? event.message));
let lost = false;
connection.addEventListener("lost", () => {
  lost = true;
  report("The studio is gone: start `rockfall studio` again. This page comes back by itself.");
});
connection.addEventListener("open", () => {
  if (lost) show();
  lost = false;
});
// The token has done its work: it stays in no history and no bookmark.
history.replaceState(null, "", location.pathname + location.hash);
show();
