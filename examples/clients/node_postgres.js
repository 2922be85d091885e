// Booking with Postgres.js (npm's "postgres").  The connection comes from PGHOST, PGDATABASE and the like.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import postgres from "postgres";

// Through PgBouncer in transaction mode: no statements that are prepared by name.
const sql = postgres({ prepare: !process.env.PGBOUNCER });
const NINE = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", HALF_PAST = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)";

function httpStatus({ code }) {
  switch (code) {
    case "23P01": case "23505": case "55000": return 409;   // taken, id used for something else, too late
    case "42704": return 404;               // no such resource, seat, slot, booking
    case "23514": return 422;               // against a rule
    case "55P03": return 503;               // waited longer than lock_timeout
    default: return code?.startsWith("22") ? 422 : 500;     // malformed
  }
}

async function book(resource, period, holder, id = null, fn = "book_slot", on = sql) {
  const [booking] = await on`SELECT * FROM booking.${on(fn)}(${resource}::bigint, ${period}::tstzrange, ${holder}::text, id => ${id}::uuid)`;
  return booking;                           // undefined: no row
}

// A call with an id of its own may be repeated: when the connection is lost (no answer of the server's, or one of class
// 08 or 57P), the pool may have more dead ones, and so it is tried a few times.
async function patiently(call, attempts = 5) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { severity, code } = error;
      if (--attempts === 0 || (severity && !/^(08|57P)/.test(code))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function refusal(...request) {
  try {
    await book(...request);
  } catch (error) {
    return [httpStatus(error), error.code, error.constraint_name];
  }
  assert.fail("it was not refused");
}

const [{ id: room }] = await sql`SELECT id FROM booking.create_resource(${"Room " + randomUUID()}, min_notice => '0')`;

const mine = randomUUID();
assert.equal((await book(room, NINE, "ada", mine)).id, mine);
assert.deepEqual(await refusal(room, HALF_PAST, "grace"), [409, "23P01", "booking_no_overlap"]);
assert.deepEqual(await refusal(0, NINE, "grace"), [404, "42704", undefined]);
assert.deepEqual(await refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace"), [422, "23514", "booking_notice"]);
assert.deepEqual(await refusal(room, NINE, "grace", mine), [409, "23505", "booking_pkey"]);
assert.equal(await book(room, HALF_PAST, "grace", null, "try_book_slot"), undefined);

// Values for jsonb as they are: a text that JSON.stringify() has made would be a JSON string.
const name = "Court " + randomUUID();
await sql`SELECT FROM booking.create_resource(${name}, 'pooled', 3)`;
const requests = [{ resource: name, period: NINE }, { resource: name, period: HALF_PAST, quantity: 1 }];
assert.equal((await sql`SELECT * FROM booking.book_all(${sql.json(requests)}, 'ada')`).length, 2);

// In a transaction: a savepoint around what may be refused.
await sql.begin(async (db) => {
  await assert.rejects(db.savepoint((inner) => book(room, HALF_PAST, "grace", null, "book_slot", inner)), { code: "23P01" });
  assert.equal((await db`SELECT * FROM booking.try_book_slot(${name}, ${NINE}, 'grace')`).length, 1);
});

// The connection is lost and with it the answer: the same call again.
await assert.rejects(sql`SELECT pg_terminate_backend(pg_backend_pid())`);
assert.equal((await patiently(() => book(room, NINE, "ada", mine))).id, mine);
await sql.end({ timeout: 1 });        // without a timeout it waits for ever after a connection was lost (3.4)
console.log("ok");
