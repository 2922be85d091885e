// One pool of connections, and statements that are repeated when a connection is lost.
//
// Every statement of these pages may be repeated: a booking has an id of the browser's own, and confirming or
// cancelling twice is doing it once.  So a call whose answer was lost is made again, without any difference.
import pg from "pg";
import { setTimeout as delay } from "node:timers/promises";

const ATTEMPTS = 5;

// How every connection is made; the clock is the one in which refusals are worded.
export function settings(clock) {
  return {
    application_name: "booking pages",
    options: `-c TimeZone=${clock} -c lock_timeout=5s -c statement_timeout=15s`,
    connectionTimeoutMillis: 5000,
    query_timeout: 20000,
    keepAlive: true,
  };
}

// The database cannot be reached.
export class Lost extends Error {}

// Whether an error of the driver says that the connection is gone, and nothing about the statement.
function isLost(error) {
  return !error.severity || error.severity === "FATAL" || /^(08|57P)/.test(error.code);
}

export class Database {
  #pool;

  constructor(clock) {
    this.#pool = new pg.Pool({ ...settings(clock), max: 8 });
    this.#pool.on("error", () => {});       // a connection that was lost while idle
  }

  // The rows of a statement.  Values travel as $n, and in no other way.
  async ask(sql, ...values) {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#pool.query(sql, values)).rows;
      } catch (error) {
        if (!isLost(error)) throw error;
        if (attempt === ATTEMPTS) throw new Lost(error.message);
        await delay(50 * 2 ** attempt);
      }
    }
  }

  close() {
    return this.#pool.end();
  }
}
