// Classes: yoga on three Mondays, 12 places each.  Forty people click at once, each may come once a week, the rest wait in line.
//
//	createdb classes; PGDATABASE=classes node examples/classes.js
import assert from "node:assert/strict";
import pg from "pg";

const pool = new pg.Pool({ max: 10 });
const ask = async (sql, ...values) => (await pool.query(sql, values)).rows;

await ask("CREATE EXTENSION IF NOT EXISTS booking CASCADE");
await ask("SELECT FROM booking.create_resource('Studio', timezone => 'Europe/Berlin', category => 'yoga')");
await ask("INSERT INTO booking.holder_limit (category, per, max_bookings) VALUES ('yoga', 'week', 1)");
const classes = await ask(`SELECT id, lower(period) AS starts FROM booking.publish_slots('Studio',
  booking.local_period('Studio', '2030-03-25 18:30', '2030-03-25 20:00'), every => '7 days', until => '2030-04-09', capacity => 12) ORDER BY period`);
assert.equal(classes.length, 3);
assert.equal(classes[1].starts - classes[0].starts, (7 * 24 - 1) * 3600e3);     // summer time: still half past six

// Try, and stand in line if there is no place.
async function come(who, yoga) {
  const [place] = await ask("SELECT id FROM booking.try_book_place($1::bigint, $2)", yoga, who);
  return place ?? (await ask("SELECT id AS waiting FROM booking.wait_for_place($1::bigint, $2)", yoga, who))[0];
}
const monday = classes[0].id;
const people = Array.from({ length: 40 }, (_, n) => `person ${n}`);
const answers = await Promise.all(people.map((who) => come(who, monday)));
assert.equal(answers.filter((answer) => answer.id).length, 12);
assert.equal((await ask("SELECT booking.remaining($1::bigint) AS left", monday))[0].left, 0);

// A member that has a place cannot have a second one that week.
const lucky = people[answers.findIndex((answer) => answer.id)];
const extra = (await ask("SELECT id FROM booking.publish_slot('Studio', booking.local_period('Studio', '2030-03-27 18:30', '2030-03-27 20:00'), 12)"))[0].id;
await assert.rejects(ask("SELECT FROM booking.book_place($1::bigint, $2)", extra, lucky), { code: "23514", constraint: "booking_holder_limit" });
assert.ok((await come(lucky, classes[1].id)).id);

// One cancels: the first in line is offered the place, in the same transaction.
await ask("SELECT FROM booking.cancel($1::uuid)", answers.find((answer) => answer.id).id);
const [first] = await ask("SELECT id, holder FROM booking.waitlist WHERE slot_id = $1 AND status = 'offered'", monday);
const [offer] = await ask("SELECT b.id FROM booking.booking AS b WHERE b.waitlist_id = $1", first.id);
assert.equal((await ask("SELECT status FROM booking.confirm($1::uuid)", offer.id))[0].status, "confirmed");
assert.equal(first.id, String(Math.min(...answers.filter((answer) => answer.waiting).map((answer) => Number(answer.waiting)))));

const [{ booked }] = await ask("SELECT count(*)::int AS booked FROM booking.booking WHERE slot_id = $1 AND status = 'confirmed'", monday);
assert.equal(booked, 12);
assert.deepEqual(await ask("SELECT * FROM booking.verify()"), []);
await pool.end();
console.log("ok");
