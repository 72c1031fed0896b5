// Signed values as colours: orange below 0, the paper at 0, blue above; as `classify --explain` has them.

const BELOW = [213, 94, 0];
const ABOVE = [0, 114, 178];
const BRIGHT = { below: [255, 170, 90], above: [110, 185, 255] };
const tables = {};

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** 256 colours, as Uint8Array (256 × 4): of a byte, 128 for 0. */
export function signedTable() {
  const dark = isDark();
  const name = dark ? "dark" : "light";
  if (tables[name]) return tables[name];
  const paper = dark ? [15, 19, 25] : [255, 255, 255];
  const [below, above] = dark ? [BRIGHT.below, BRIGHT.above] : [BELOW, ABOVE];
  const table = new Uint8ClampedArray(256 * 4);
  for (let byte = 0; byte < 256; byte++) {
    const value = Math.max(-1, Math.min(1, (byte - 128) / 127));
    const towards = value < 0 ? below : above;
    const share = Math.abs(value) ** 0.8;
    for (let channel = 0; channel < 3; channel++) {
      table[4 * byte + channel] = paper[channel] + (towards[channel] - paper[channel]) * share;
    }
    table[4 * byte + 3] = 255;
  }
  return (tables[name] = table);
}

/** A number as a colour of CSS. largest: the size that is darkest. */
export function colourOf(value, largest) {
  const table = signedTable();
  const byte = Math.round(128 + 127 * Math.max(-1, Math.min(1, value / (largest || 1))));
  return `rgb(${table[4 * byte]} ${table[4 * byte + 1]} ${table[4 * byte + 2]})`;
}

/** Draw (H, W) of numbers, or one of (U, H, W), on a canvas, a pixel each. */
export function drawSigned(canvas, values, height, width, { from = 0, largest = null } = {}) {
  const part = values.subarray(from, from + height * width);
  const most = largest ?? part.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  Object.assign(canvas, { width, height });
  const image = new ImageData(width, height);
  const table = signedTable();
  for (let i = 0; i < part.length; i++) {
    const byte = Math.round(128 + 127 * Math.max(-1, Math.min(1, part[i] / (most || 1))));
    image.data.set(table.subarray(4 * byte, 4 * byte + 4), 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A number in few characters. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "none";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1000 || size < 0.001 ? value.toExponential(1) : value.toPrecision(3);
  return (text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text).replace("-", "−");
}
