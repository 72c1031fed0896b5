// The one websocket of this tab: questions, streams, and what to do when the studio is gone.

const RETRY = 1000; // milliseconds
const TYPES = { 1: Uint8Array, 2: Int32Array, 3: Float32Array };
const ALIGNED = 8;

/** A newer question of the same name came before this one was answered: nothing is wrong. */
export class Superseded extends Error {}
/** The studio said no, in one line. */
export class Refused extends Error {}

export class Connection extends EventTarget {
  #socket = null;
  #ids = 0;
  #open = new Map(); // id → what waits for its answers
  #unsent = [];

  constructor() {
    super();
    this.#connect();
  }

  get connected() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** One answer: a promise of {data, planes}. bytes: what is attached. Rejects with Refused, or with
  Superseded if it is asked anew before it was computed. */
  ask(name, fields = {}, bytes = null) {
    return new Promise((resolve, reject) => {
      this.#send(name, fields, bytes, { answered: resolve, failed: reject, ended: () => {} });
    });
  }

  /** Many answers: onAnswer({data, planes}) for each. → {stop(), done: promise}. */
  stream(name, fields, onAnswer, bytes = null) {
    let id;
    const done = new Promise((resolve, reject) => {
      const failed = (error) => (error instanceof Superseded ? resolve() : reject(error));
      id = this.#send(name, fields, bytes, { answered: onAnswer, failed, ended: resolve });
    });
    const stop = () => {
      if (this.#open.delete(id) && this.connected) this.#socket.send(JSON.stringify({ id, ask: "cancel" }));
    };
    return { stop, done };
  }

  #send(name, fields, bytes, waiting) {
    const id = ++this.#ids;
    this.#open.set(id, waiting);
    const request = JSON.stringify({ ...fields, id, ask: name });
    const message = bytes === null ? request : framed(request, bytes);
    if (this.connected) this.#socket.send(message);
    else this.#unsent.push(message);
    return id;
  }

  #connect() {
    const socket = new WebSocket(`ws://${location.host}/tab`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      for (const message of this.#unsent.splice(0)) socket.send(message);
      this.dispatchEvent(new Event("open"));
    };
    socket.onmessage = ({ data }) => this.#receive(typeof data === "string" ? JSON.parse(data) : unpacked(data));
    socket.onclose = () => this.#lost();
    this.#socket = socket;
  }

  #lost() {
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#unsent = [];
    this.dispatchEvent(new Event("lost"));
    for (const { failed } of open) failed(new Superseded("the studio is gone"));
    setTimeout(() => this.#connect(), RETRY);
  }

  #receive(message) {
    const waiting = this.#open.get(message.id);
    if (!waiting) return;
    if (message.data) waiting.answered({ data: message.data, planes: message.planes ?? [] });
    else {
      this.#open.delete(message.id);
      if (message.error) waiting.failed(new Refused(message.error));
      else if (message.superseded) waiting.failed(new Superseded());
      else waiting.ended();
    }
  }
}

export function framed(request, bytes) {
  const text = new TextEncoder().encode(request);
  const message = new Uint8Array(4 + text.length + bytes.byteLength);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength), 4 + text.length);
  return message;
}

/** A binary frame: see framing.py. */
export function unpacked(buffer) {
  const view = new DataView(buffer);
  const [id, count, length] = [0, 4, 8].map((at) => view.getUint32(at, true));
  const data = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, length)));
  let at = aligned(16 + length);
  const planes = [];
  for (let i = 0; i < count; i++) {
    const Type = TYPES[view.getUint8(at)];
    const rank = view.getUint8(at + 1);
    const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(at + 4 + 4 * axis, true));
    at = aligned(at + 4 + 4 * rank);
    const size = shape.reduce((product, side) => product * side, 1);
    const plane = new Type(buffer, at, size);
    plane.shape = shape;
    planes.push(plane);
    at = aligned(at + plane.byteLength);
  }
  return { id, data, planes };
}

function aligned(at) {
  return Math.ceil(at / ALIGNED) * ALIGNED;
}
