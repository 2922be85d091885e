// Booking with Sequelize.  The connection comes from PGHOST, PGDATABASE and the like.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { QueryTypes, Sequelize } from "sequelize";

const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env;
const db = new Sequelize(PGDATABASE, PGUSER, PGPASSWORD, { host: PGHOST, port: PGPORT, dialect: "postgres", logging: false });
const NINE = "[2030-05-06 09:00+00, 2030-05-06 10:00+00)", HALF_PAST = "[2030-05-06 09:30+00, 2030-05-06 10:30+00)";

// 23P01 is an ExclusionConstraintError, 23505 a UniqueConstraintError, the others are plain DatabaseErrors: look at the
// error of pg in .parent, which is the same for all.
function httpStatus(error) {
  const code = error.parent?.code;
  switch (code) {
    case "23P01": case "23505": case "55000": return 409;   // taken, id used for something else, too late
    case "42704": return 404;               // no such resource, seat, slot, booking
    case "23514": return 422;               // against a rule
    case "55P03": return 503;               // waited longer than lock_timeout
    default: return code?.startsWith("22") ? 422 : 500;     // malformed
  }
}

// bind, not replacements.  CAST or $1::bigint, both work.
async function book(resource, period, holder, id = null, fn = "book_slot") {
  const rows = await db.query(`SELECT * FROM booking.${fn}($1::bigint, $2::tstzrange, $3::text, id => $4::uuid)`,
    { bind: [resource, period, holder, id], type: QueryTypes.SELECT });
  return rows[0];                           // undefined: no row
}

// A call with an id of its own may be repeated: when the connection is lost (no answer of the server's, or one of class
// 08 or 57P), the pool may have more dead ones, and so it is tried a few times.
async function patiently(call, attempts = 5) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const { severity, code } = error.parent ?? {};
      if (--attempts === 0 || (severity && !/^(08|57P)/.test(code))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function refusal(...request) {
  try {
    await book(...request);
  } catch (error) {
    return [httpStatus(error), error.parent.code, error.parent.constraint];
  }
  assert.fail("it was not refused");
}

const room = (await db.query("SELECT id FROM booking.create_resource($1, min_notice => '0')",
  { bind: ["Room " + randomUUID()], type: QueryTypes.SELECT }))[0].id;

const mine = randomUUID();
assert.equal((await book(room, NINE, "ada", mine)).id, mine);
assert.deepEqual(await refusal(room, HALF_PAST, "grace"), [409, "23P01", "booking_no_overlap"]);
assert.deepEqual(await refusal(0, NINE, "grace"), [404, "42704", undefined]);
assert.deepEqual(await refusal(room, "[2020-05-06 09:00+00, 2020-05-06 10:00+00)", "grace"), [422, "23514", "booking_notice"]);
assert.deepEqual(await refusal(room, NINE, "grace", mine), [409, "23505", "booking_pkey"]);
assert.equal(await book(room, HALF_PAST, "grace", null, "try_book_slot"), undefined);

// The connection is lost and with it the answer: the same call again.
await assert.rejects(db.query("SELECT pg_terminate_backend(pg_backend_pid())"));
assert.equal((await patiently(() => book(room, NINE, "ada", mine))).id, mine);
await db.close();
console.log("ok");
