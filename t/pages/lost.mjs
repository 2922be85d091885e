// Connections break, between the browser and the server, and between the server and the database.  Whatever happened
// meanwhile is on the page afterwards.
import assert from "node:assert/strict";
import pg from "pg";
import { atEnd, check, click, live, mistakes, run, said, seat, Server, sql, visit } from "./lib.mjs";

await run(async () => {
  const server = await new Server().start();
  const page = await visit(`${server.url}seatmap/`);
  const [{ trip }] = await sql("SELECT id AS trip FROM booking.slot WHERE lower(period) > now() ORDER BY lower(period) LIMIT 1");
  const book = (label) => sql("SELECT FROM booking.book_place($1::bigint, 'bought ' || $2::text, seat => $2)", trip, label);
  const news = (words) => page.waitForFunction((text) => document.querySelector("#news").textContent.includes(text), words);
  const state = (name) => page.waitForSelector(`#state[data-state="${name}"]`);
  let loads = 0;
  page.on("load", () => loads++);

  await check("the browser is offline: on its return it shows what happened meanwhile", async () => {
    await click(page, "5D");
    await seat(page, "5D", "mine-held");
    await page.context().setOffline(true);
    await state("away");
    await book("2A");
    await click(page, "5D");
    await said(page, "There is no connection at the moment. Nothing is lost: please try again.");
    await page.context().setOffline(false);
    await live(page);
    await seat(page, "2A", "booked");
    await news("2A taken");
    await click(page, "5D");
    await seat(page, "5D", "mine");
  });

  for (const [signal, label] of [["SIGTERM", "2B"], ["SIGKILL", "3B"]]) {
    await check(`the server is stopped (${signal}), and another takes its place: the page goes on from its cursor`, async () => {
      await server.stop(signal);
      await state("away");
      await book(label);
      await server.start();
      await live(page);
      await seat(page, label, "booked");
      await news(`${label} taken`);
      await seat(page, "5D", "mine");
    });
  }

  await check("a server that has not read the seats yet shows nobody the way: what happened meanwhile is not left out", async () => {
    await server.stop();
    await state("away");
    await book("8B");
    await sql("BEGIN");
    await sql("LOCK TABLE booking.slot");
    await server.start();
    const waiting = "SELECT FROM pg_locks WHERE relation = 'booking.slot'::regclass AND NOT granted";
    while (!(await sql(waiting)).length);
    const stream = (await fetch(`${server.url}seatmap/api/live`)).body.pipeThrough(new TextDecoderStream());
    await assert.rejects(async () => { for await (const words of stream) if (words.includes("event:")) return; }, "it hangs up");
    await sql("COMMIT");
    await live(page);
    await seat(page, "8B", "booked");
    await news("8B taken");
  });

  const other = new pg.Client({ user: process.env.SUPERUSER, database: "postgres" });
  await other.connect();
  atEnd(() => allow(true).then(() => other.end()));
  const end = () => sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'booking pages' AND datname = current_database()");
  const name = pg.escapeIdentifier(process.env.PGDATABASE);
  const allow = (yes) => other.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${yes}`);

  await check("the database ends all connections: nobody notices, and nothing is left out", async () => {
    await end();
    await book("4A");
    await seat(page, "4A", "booked");
    await news("4A taken");
    await end();
    await click(page, "13D");
    await seat(page, "13D", "mine-held");
  });

  await check("the database is away for a while: the page says so, and goes on by itself", async () => {
    await allow(false);
    await end();
    await state("database");
    await book("4B");
    await click(page, "13D");
    await said(page, "The database cannot be reached at the moment. Nothing is lost: please try again.");
    await allow(true);
    await live(page);
    await seat(page, "4B", "booked");
    await news("4B taken");
    await click(page, "13D");
    await seat(page, "13D", "mine");
  });

  await check("a cursor that is no good any more: the page begins with what is there now", async () => {
    await server.stop();
    await book("7B");
    await sql("UPDATE booking.journal SET removed_position = 1000000000, removed_seq = 1");
    await server.start();
    await live(page);
    await seat(page, "7B", "booked");
    await sql("UPDATE booking.journal SET removed_position = -1, removed_seq = -1");
  });

  await check("every change came once, to a page that was never loaded again", async () => {
    assert.equal(loads, 0);
    const lines = await page.$$eval("#news li span", (all) => all.map((one) => one.textContent));
    assert.deepEqual(lines, [...new Set(lines)]);
    assert.deepEqual(mistakes, []);
  });

  await server.stop();
});
