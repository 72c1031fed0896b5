// Elements from data: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** h("button", {class: "main", onclick: f, "aria-pressed": true}, "Train", …children) → element.

A child is an element, text, or nothing (null, undefined, false). A property that begins with "on" is
a listener, "style" an object of CSS properties; true is an attribute without a value, and false or
null none at all, but for aria-… , which say "true" and "false". */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** As h, for SVG. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** Put children in place of those that an element has. */
export function replace(element, ...children) {
  element.replaceChildren(...children.flat().filter(shown));
  return element;
}

/** A field with its label around it. */
export function labelled(text, field, ...more) {
  return h("label", {}, h("span", {}, text), field, ...more);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") set(element.style, value);
    else if (name.startsWith("aria-") && value !== null && value !== undefined) element.setAttribute(name, String(value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(shown));
  return element;
}

function set(style, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("--")) style.setProperty(name, value);
    else style[name] = value;
  }
}

function shown(child) {
  return child !== null && child !== undefined && child !== false;
}
