// Booking with Kysely.  The connection comes from PGHOST, PGDATABASE and the like.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";

const pool = new pg.Pool();
pool.on("error", () => {});                // or a connection lost while idle ends the process,
pool.on("connect", (client) => client.on("error", () => {}));       // and one lost while Kysely has it, too
const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
const NINE = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", HALF_PAST = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)";

// The error is that of pg itself: error.code, error.constraint.
function httpStatus({ code }) {
  switch (code) {
    case "23P01": case "23505": case "55000": return 409;   // taken, id used for something else, too late
    case "42704": return 404;               // no such resource, seat, slot, booking
    case "23514": return 422;               // against a rule
    case "55P03": return 503;               // waited longer than lock_timeout
    default: return code?.startsWith("22") ? 422 : 500;     // malformed
  }
}

async function book(resource, period, holder, id = null, fn = "book_slot", on = db) {
  const { rows } = await sql`SELECT * FROM ${sql.table(`booking.${fn}`)}(
    ${resource}::bigint, ${period}::tstzrange, ${holder}::text, id => ${id}::uuid)`.execute(on);
  return rows[0];                           // undefined: no row
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
    return [httpStatus(error), error.code, error.constraint];
  }
  assert.fail("it was not refused");
}

const room = (await sql`SELECT id FROM booking.create_resource(${"Room " + randomUUID()}, min_notice => '0')`.execute(db)).rows[0].id;

const mine = randomUUID();
assert.equal((await book(room, NINE, "ada", mine)).id, mine);
assert.deepEqual(await refusal(room, HALF_PAST, "grace"), [409, "23P01", "booking_no_overlap"]);
assert.deepEqual(await refusal(0, NINE, "grace"), [404, "42704", undefined]);
assert.deepEqual(await refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace"), [422, "23514", "booking_notice"]);
assert.deepEqual(await refusal(room, NINE, "grace", mine), [409, "23505", "booking_pkey"]);
assert.equal(await book(room, HALF_PAST, "grace", null, "try_book_slot"), undefined);

// The query builder reads, changes and inserts; the id of a slot is a string here, and so it is in a request.
const { rows: [{ id: slot }] } = await sql`SELECT id FROM booking.publish_slot(
  (SELECT name FROM booking.create_resource(${"Show " + randomUUID()}, 'pooled', 0)), '[2030-05-06 20:00+00, 2030-05-06 22:00+00)', 3)`.execute(db);
await sql`SELECT FROM booking.book_all(${JSON.stringify([{ slot_id: slot }, { slot_id: slot }])}::jsonb, 'ada')`.execute(db);
const { numUpdatedRows } = await db.updateTable("booking.booking").set({ data: { paid: true } }).where("slot_id", "=", slot).executeTakeFirst();
assert.equal(numUpdatedRows, 2n);

// In a transaction: a savepoint around what may be refused.
await db.transaction().execute(async (trx) => {
  await sql`SAVEPOINT before`.execute(trx);
  await assert.rejects(book(room, HALF_PAST, "grace", null, "book_slot", trx), { code: "23P01" });
  await sql`ROLLBACK TO before`.execute(trx);
  await trx.insertInto("booking.booking").values({ slot_id: slot, holder: "grace" }).execute();
});
await assert.rejects(db.insertInto("booking.booking").values({ slot_id: slot, holder: "eve" }).execute(), { code: "23P01", constraint: "booking_capacity" });

// The connection is lost and with it the answer: the same call again.
await assert.rejects(sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(db));
assert.equal((await patiently(() => book(room, NINE, "ada", mine))).id, mine);
await db.destroy();
console.log("ok");
