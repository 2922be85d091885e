// Server-sent events: what goes from here to the browsers by itself.
//
// Each message has the cursor of the journal as its id.  A browser that lost the connection says with Last-Event-ID
// up to where it knows everything, and is told what came after that, by whichever process it now talks to.
// Messages may come twice, and none is left out.
const HEARTBEAT = 15000;
const MOST = 1000;                          // browsers at once
const BACKLOG = 1 << 20;                    // bytes that a slow one may be behind

class Listener {
  waiting = [];                             // messages, until it has been told what it missed

  constructor(response, holder) {
    this.response = response;
    this.holder = holder;
  }

  send(event, data, id) {
    if (this.waiting) {
      this.waiting.push([event, data, id]);
      return;
    }
    this.write(`${id ? `id: ${id}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  // A browser that cannot keep up is let go, and comes back by its cursor.
  write(text) {
    this.response.write(text);
    if (this.response.writableLength > BACKLOG) this.response.destroy();
  }

  // First what it missed, then what has waited; from now on messages go out as they come.
  begin(missed) {
    const waiting = this.waiting;
    this.waiting = null;
    for (const message of [...missed, ...waiting]) this.send(...message);
  }
}

export class Audience {
  #listeners = new Set();
  #beat;

  // Every now and then it says that it is still there, and up to where in the journal.
  constructor(journal) {
    this.#beat = setInterval(() => this.tell(() => ["beat", {}, journal.cursor]), HEARTBEAT);
  }

  // catchUp(cursor) gives the messages that bring a browser up to date: from the cursor, or from nothing.
  async join(request, response, holder, catchUp) {
    if (this.#listeners.size >= MOST) {
      response.writeHead(503, { "retry-after": "10" }).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" });
    const listener = new Listener(response, holder);
    this.#listeners.add(listener);
    response.on("close", () => this.#listeners.delete(listener));
    response.write("retry: 1000\n\n");
    const after = request.headers["last-event-id"] || new URL(request.url, "http://here").searchParams.get("after");
    try {
      listener.begin(await catchUp(after || null));
    } catch {
      response.destroy();                   // the database is away: the browser tries again, from its cursor
    }
  }

  // message(listener) gives [event, data, id] for each, or nothing.
  tell(message) {
    for (const listener of this.#listeners) {
      const said = message(listener);
      if (said) listener.send(...said);
    }
  }

  close() {
    clearInterval(this.#beat);
    for (const { response } of this.#listeners) response.end();
  }
}
