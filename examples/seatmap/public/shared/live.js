// What the server says by itself, and what is asked of it: both over connections that may break.
//
// The stream goes on from the last message that was received, whichever way it was lost: EventSource says so itself
// when it connects again, and a new one says so in its address.  A page that is not visible lets go of its stream
// (a browser has six connections to one server), and goes on from its place when it is looked at again.
const SILENCE = 40000;                      // the server says something every 15 seconds

export class Live {
  #address;
  #handlers;
  #source = null;
  #cursor = "";
  #watch = 0;
  #heard = false;

  // handlers: a function of the data for each kind of message, and state("live" | "away" | "database").
  constructor(address, handlers) {
    this.#address = address;
    this.#handlers = handlers;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    addEventListener("online", () => this.#open());
    addEventListener("offline", () => this.#lost());
    addEventListener("pagehide", () => this.#close());
    if (!document.hidden) this.#open();
  }

  #open() {
    this.#close();
    const source = new EventSource(this.#cursor ? `${this.#address}?after=${encodeURIComponent(this.#cursor)}` : this.#address);
    this.#source = source;
    for (const [kind, handle] of Object.entries(this.#handlers)) {
      if (kind !== "state") source.addEventListener(kind, (message) => this.#hear(message, handle));
    }
    source.addEventListener("beat", (message) => this.#hear(message, () => {}));
    source.addEventListener("database", (message) =>
      this.#hear(message, ({ reachable }) => this.#handlers.state(reachable ? "live" : "database")));
    source.onerror = () => {
      this.#lost();
      // A refusal (503, a proxy's page) ends an EventSource for good.
      if (source.readyState === EventSource.CLOSED) this.#await(2000);
    };
    this.#await(SILENCE);
  }

  #close() {
    clearTimeout(this.#watch);
    this.#source?.close();
    this.#source = null;
  }

  #hear(message, handle) {
    if (message.lastEventId) this.#cursor = message.lastEventId;
    if (!this.#heard) {
      this.#heard = true;
      this.#handlers.state("live");
    }
    this.#await(SILENCE);
    handle(JSON.parse(message.data));
  }

  #lost() {
    this.#heard = false;
    this.#handlers.state("away");
  }

  // Connects anew if nothing has come by then.
  #await(time) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.#lost();
      this.#open();
    }, time);
  }
}

// A refusal, in the words of the server.
export class Refused extends Error {
  constructor({ by, words, why = [] }) {
    super(words);
    this.by = by;
    this.why = why;
  }
}

async function answered(request) {
  for (let attempt = 1; ; attempt++) {
    let response;
    try {
      response = await request();
    } catch {
      if (attempt === 5) throw new Refused({ by: "connection", words: "There is no connection at the moment. Nothing is lost: please try again." });
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      continue;
    }
    const body = await response.json();
    if (!response.ok) throw new Refused(body);
    return body;
  }
}

// Every call may be repeated, for a booking has an id from here: an answer that was lost is asked for again.
export function post(address, body) {
  return answered(() => fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));
}

export function get(address, query = {}) {
  return answered(() => fetch(`${address}?${new URLSearchParams(query)}`));
}

// crypto.randomUUID() is not there on a page without HTTPS.
export function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return [...b].map((n) => n.toString(16).padStart(2, "0")).join("").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
