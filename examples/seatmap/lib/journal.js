// Follows the journal of the extension, and tells others what has happened.
//
// The cursor makes it right: it is the place in the journal up to which everything has been passed on, and after a
// lost connection reading goes on from there.  Notifications make it fast: one wakes the reader, which then reads as
// it does anyway every few seconds.  Without them (booking.notify = off) it reads four times a second.
//
// The journal holds back what is newer than the oldest transaction in progress anywhere in the cluster.  What a
// notification names is therefore passed on as "touched" at once, before it can be read.
import pg from "pg";
import { setTimeout as delay } from "node:timers/promises";
import { settings } from "./database.js";

const AT_ONCE = 500;
const CALM = 5000, ALONE = 250;             // milliseconds between two looks, with and without notifications

// Among the resources that have changed: it may be every one.
export const ANY = "any";

// In the order of the journal, with the seat that the booking has now.
const EVENTS = `
  SELECT e.cursor, e.at, e.kind, e.booking_id, e.resource_id, e.slot_id, e.holder, s.label AS seat,
    e.detail #>> '{was,resource_id}' AS old_resource_id
  FROM booking.read_events($1, $2) WITH ORDINALITY AS e(cursor, seq, at, kind, booking_id, resource_id, slot_id, holder,
    version, actor, detail, n)
  LEFT JOIN booking.booking AS b ON b.id = e.booking_id
  LEFT JOIN booking.seat AS s ON s.resource_id = b.resource_id AND s.seat_no = b.seat_no
  ORDER BY e.n`;

export class Journal {
  cursor = null;                            // null: not reached yet
  #clock;
  #listeners = [];
  #touched = new Set();
  #client = null;
  #notifies = false;
  #wake = () => {};
  #stopping = new AbortController();
  #following = null;

  constructor(clock) {
    this.#clock = clock;
  }

  // A listener has three methods, each awaited: changed(events, resources), which may be called twice for the same;
  // found(), after a connection has been made; lost(), when it is gone.
  tell(listener) {
    this.#listeners.push(listener);
  }

  start() {
    this.#following = this.#follow();
  }

  async stop() {
    this.#stopping.abort();
    this.#wake();
    await this.#following;
  }

  // What came after a cursor; null when that cannot be told any more, and one has to look at the present instead.
  static async since(cursor, ask) {
    try {
      const events = await ask(EVENTS, cursor, AT_ONCE);
      return events.length < AT_ONCE ? events : null;
    } catch (error) {
      if (isNoCursor(error)) return null;
      throw error;
    }
  }

  async #follow() {
    const stopped = this.#stopping.signal;
    for (let failures = 0; !stopped.aborted; ) {
      try {
        await this.#connect();
        failures = 0;
        while (!stopped.aborted) await this.#look();
      } catch (error) {
        if (isNoCursor(error)) this.cursor = null;      // archived, or another server: begin with the present
        if (failures++ === 0 && !stopped.aborted) console.error(`the journal: ${error.message}`);
      }
      await Promise.race([this.#client?.end().catch(() => {}), delay(1000)]);
      this.#client = null;
      await this.#each("lost");
      await delay(Math.min(100 * 2 ** failures, 3000), null, { signal: stopped }).catch(() => {});
    }
  }

  async #connect() {
    this.#client = new pg.Client(settings(this.#clock));
    this.#client.on("error", () => this.#wake());
    this.#client.on("end", () => this.#wake());
    this.#client.on("notification", ({ payload }) => this.#notified(payload));
    await this.#client.connect();
    await this.#client.query("LISTEN booking");         // first: what is committed from here on is not missed
    const { rows } = await this.#client.query("SELECT current_setting('booking.notify', true) AS notify");
    this.#notifies = ["commit", "worker"].includes(rows[0].notify);
    this.cursor ??= (await this.#client.query("SELECT booking.current_cursor() AS cursor")).rows[0].cursor;
    await this.#each("found");
  }

  #notified(payload) {
    try {
      this.#touched.add(JSON.parse(payload).resource_id?.toString() ?? ANY);
    } catch {
      // every role that may connect may notify: what it says is only a reason to look
    }
    this.#wake();
  }

  // Reads and passes on; when there is nothing more, waits to be woken.
  async #look() {
    const woken = new Promise((resolve) => { this.#wake = resolve; });
    const touched = this.#touched;
    this.#touched = new Set();
    const { rows: events } = await this.#client.query(EVENTS, [this.cursor, AT_ONCE]);
    for (const event of events) {
      touched.add(event.resource_id);
      if (event.old_resource_id) touched.add(event.old_resource_id);
    }
    if (touched.size) await this.#each("changed", events, touched, events.at(-1)?.cursor ?? this.cursor);
    if (events.length) this.cursor = events.at(-1).cursor;
    if (events.length === AT_ONCE) return;
    const pause = new AbortController();
    await Promise.race([woken, delay(this.#notifies ? CALM : ALONE, null, { signal: pause.signal }).catch(() => {})]);
    pause.abort();
  }

  async #each(method, ...what) {
    for (const listener of this.#listeners) await listener[method](...what);
  }
}

function isNoCursor(error) {
  return error.severity === "ERROR" && (error.code === "55000" || error.code === "22023");
}
