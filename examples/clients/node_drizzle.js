// Booking with drizzle-orm, over pg.  The connection comes from PGHOST, PGDATABASE and the like.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";

const pool = new pg.Pool();
pool.on("error", () => {});
const db = drizzle(pool);
const NINE = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", HALF_PAST = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)";

// A DrizzleQueryError: the error of pg is its cause.  (Before 0.44 it was pg's own.)
const driverError = (error) => error.cause ?? error;

function httpStatus(error) {
  const code = driverError(error).code;
  switch (code) {
    case "23P01": case "23505": case "55000": return 409;   // taken, id used for something else, too late
    case "42704": return 404;               // no such resource, seat, slot, booking
    case "23514": return 422;               // against a rule
    case "55P03": return 503;               // waited longer than lock_timeout
    default: return code?.startsWith("22") ? 422 : 500;     // malformed
  }
}

async function book(resource, period, holder, id = null, fn = sql`booking.book_slot`) {
  const { rows } = await db.execute(
    sql`SELECT * FROM ${fn}(${resource}::bigint, ${period}::tstzrange, ${holder}::text, id => ${id}::uuid)`);
  return rows[0];                           // undefined: no row
}

// A call with an id of its own may be repeated: when the connection is lost (no answer of the server's, or one of class
// 08 or 57P), the pool may have more dead ones, and so it is tried a few times.
async function patiently(call, attempts = 5) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { severity, code } = driverError(error);
      if (--attempts === 0 || (severity && !/^(08|57P)/.test(code))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function refusal(...request) {
  try {
    await book(...request);
  } catch (error) {
    return [httpStatus(error), driverError(error).code, driverError(error).constraint];
  }
  assert.fail("it was not refused");
}

const room = (await db.execute(sql`SELECT id FROM booking.create_resource(${"Room " + randomUUID()}, min_notice => '0')`)).rows[0].id;

const mine = randomUUID();
assert.equal((await book(room, NINE, "ada", mine)).id, mine);
assert.deepEqual(await refusal(room, HALF_PAST, "grace"), [409, "23P01", "booking_no_overlap"]);
assert.deepEqual(await refusal(0, NINE, "grace"), [404, "42704", undefined]);
assert.deepEqual(await refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace"), [422, "23514", "booking_notice"]);
assert.deepEqual(await refusal(room, NINE, "grace", mine), [409, "23505", "booking_pkey"]);
assert.equal(await book(room, HALF_PAST, "grace", null, sql`booking.try_book_slot`), undefined);

// The connection is lost and with it the answer: the same call again.
await assert.rejects(db.execute(sql`SELECT pg_terminate_backend(pg_backend_pid())`));
assert.equal((await patiently(() => book(room, NINE, "ada", mine))).id, mine);
await pool.end();
console.log("ok");
