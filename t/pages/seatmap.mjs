// Two visitors and one coach: what one does, the other sees.
import assert from "node:assert/strict";
import { check, click, mistakes, run, said, seat, Server, sql, visit } from "./lib.mjs";

await run(async () => {
  const server = await new Server().start();
  const url = `${server.url}seatmap/`;
  const [ann, bob] = [await visit(url), await visit(url)];
  let loads = 0;
  bob.on("load", () => loads++);

  await check("the coach has all its seats, as the database has them", async () => {
    const shown = await ann.$$eval(".seat", (all) => all.map((one) => [one.dataset.seat, one.dataset.state]));
    const stored = await sql(`SELECT m.seat, m.status FROM booking.slot AS s, booking.seat_map(s.id) AS m
      WHERE s.id = (SELECT id FROM booking.slot WHERE lower(period) > now() ORDER BY lower(period) LIMIT 1)`);
    assert.equal(shown.length, 49);
    assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(stored.map(({ seat: label, status }) => [label, status])));
  });

  await check("a click holds a seat, and the other page shows it", async () => {
    await click(ann, "6A");
    await seat(ann, "6A", "mine-held");
    await seat(bob, "6A", "held");
    assert.equal(await ann.textContent("#yours .name"), "6A");
    assert.match(await ann.textContent("#yours .time"), /^[12]:\d\d$/);
  });

  await check("a refused click says so kindly", async () => {
    await click(bob, "6A");
    await said(bob, "Somebody is choosing seat 6A at the moment.");
  });

  await check("a second click confirms, and the other page shows it", async () => {
    await click(ann, "6A");
    await seat(ann, "6A", "mine");
    await seat(bob, "6A", "booked");
    await bob.waitForFunction(() => document.querySelector("#news").textContent.includes("6A taken"));
    await click(bob, "6A");
    await said(bob, "Seat 6A is taken.");
  });

  await check("two clicks at the same moment: one winner, and the loser hears what else is free", async () => {
    // Both pages are sure that it is free: neither hears of the other in time.
    await Promise.all([ann, bob].map((page) => page.evaluate(() => document.querySelector('[data-seat="10D"]').click())));
    const outcome = (page) => page.waitForFunction(() => {
      const state = document.querySelector('[data-seat="10D"]').dataset.state;
      return state === "mine-held" ? "won" : state === "held" && document.querySelector("#notice").textContent.includes("10D") ? "lost" : null;
    }).then((handle) => handle.jsonValue());
    assert.deepEqual((await Promise.all([outcome(ann), outcome(bob)])).sort(), ["lost", "won"]);
    const [{ count }] = await sql("SELECT count(*)::int FROM booking.current WHERE seat = '10D'");
    assert.equal(count, 1);
  });

  await check("a double click holds, and confirms nothing", async () => {
    await bob.dblclick('.seat[data-seat="12D"]');
    await seat(bob, "12D", "mine-held");
    await seat(ann, "12D", "held");
    assert.equal((await sql("SELECT status FROM booking.current WHERE seat = '12D'"))[0].status, "held");
  });

  await check("given back, it is free on both pages", async () => {
    await bob.click('button[aria-label="Give back seat 12D"]');
    await seat(bob, "12D", "free");
    await seat(ann, "12D", "free");
  });

  await check("a hold that lapses frees itself on both pages", async () => {
    await click(bob, "13A");
    await seat(bob, "13A", "mine-held");
    await seat(ann, "13A", "held");
    await sql("UPDATE booking.booking SET expires_at = clock_timestamp() + interval '1 second' WHERE status = 'held' AND id = (SELECT id FROM booking.current WHERE seat = '13A')");
    await seat(bob, "13A", "free");
    await seat(ann, "13A", "free");
    await ann.waitForFunction(() => document.querySelector("#news").textContent.includes("13A time was up, free again"));
    await bob.waitForFunction(() => document.querySelector("#news").textContent.includes("13A your time was up"));
    assert.ok(!(await bob.textContent("#yours")).includes("13A"));
  });

  await check("a hold of a second, as a page may ask for it: gone again, and somebody else takes the seat", async () => {
    const hasty = await visit(`${url}?hold=1`);
    await click(hasty, "12B");
    // Whether it is seen meanwhile depends on how fast everything is; the news says it in any case.
    for (const words of ["12B somebody is choosing", "12B time was up"]) {
      await ann.waitForFunction((text) => document.querySelector("#news").textContent.includes(text), words);
    }
    await seat(ann, "12B", "free");
    await seat(hasty, "12B", "free");
    await click(ann, "12B");
    await seat(ann, "12B", "mine-held");
    await hasty.context().close();
  });

  await check("a hold that had lapsed when it could first be seen: that its time was up is said all the same", async () => {
    await sql("BEGIN");
    await sql(`SELECT FROM booking.book_place((SELECT id FROM booking.slot WHERE lower(period) > now() ORDER BY lower(period) LIMIT 1), 'late',
      seat => '8A', hold_for => '50 milliseconds')`);
    await sql("SELECT pg_sleep(0.2)");
    await sql("COMMIT");
    await ann.waitForFunction(() => document.querySelector("#news").textContent.includes("8A time was up"));
  });

  await check("somebody else's program books: the pages show it", async () => {
    const [{ id }] = await sql(`SELECT b.id FROM booking.slot AS s, booking.book_place(s.id, 'at the counter', seat => '1D') AS b
      WHERE s.id = (SELECT id FROM booking.slot WHERE lower(period) > now() ORDER BY lower(period) LIMIT 1)`);
    await seat(ann, "1D", "booked");
    await sql("SELECT FROM booking.cancel($1)", id);
    await seat(ann, "1D", "free");
  });

  await check("the same visitor's second window has the same seats", async () => {
    const window = await ann.context().newPage();
    await window.goto(url);
    await seat(window, "6A", "mine");
    await window.close();
  });

  await check("four are the most, and it says so", async () => {
    const tom = await visit(url);
    for (const label of ["2A", "2B", "3B", "4A"]) {
      await click(tom, label);
      await seat(tom, label, "mine-held");
    }
    await click(tom, "4B");
    await said(tom, "Four seats are the most for one traveller.");
    await seat(tom, "4B", "free");
    await tom.context().close();
  });

  await check("no page was loaded again, and none made a mistake", () => {
    assert.equal(loads, 0);
    assert.deepEqual(mistakes, []);
  });

  await server.stop();
});
