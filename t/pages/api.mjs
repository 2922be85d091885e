// The server without a browser: one winner of many, who may do what to whose booking, and what is never said.
import assert from "node:assert/strict";
import { request } from "node:http";
import { randomUUID } from "node:crypto";
import { check, run, Server, sql } from "./lib.mjs";

await run(async () => {
  const server = await new Server().start();
  const [{ trip }] = await sql("SELECT id AS trip FROM booking.slot WHERE lower(period) > now() ORDER BY lower(period) LIMIT 1");

  // A request as anything could send it.
  const send = (method, path, { headers = {}, body } = {}) => new Promise((resolve, reject) => {
    const asked = request(`${server.url.slice(0, -1)}`, { method, path, headers }, async (response) => {
      let text = "";
      for await (const part of response) text += part;
      resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) });
    });
    asked.on("error", reject);
    asked.end(body);
  });
  const post = (visitor, path, body, headers = {}) => send("POST", path, {
    headers: { "content-type": "application/json", cookie: `visitor=${visitor}`, ...headers }, body: JSON.stringify(body),
  });
  const visitor = (n) => String(n).padStart(22, "v");
  const hold = (n, seat, id = randomUUID()) => post(visitor(n), "/seatmap/api/hold", { trip, seat, id });

  await check("thirty visitors at once: one has the seat, the others hear it kindly", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => hold(n, "8A")));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(29).fill(409)]);
    for (const answer of answers.filter(({ status }) => status === 409)) {
      assert.equal(answer.json().by, "booking_no_overlap");
      assert.match(answer.json().words, /^Seat 8A has just been taken by somebody else\. 8B in the same row is free\.$/);
    }
  });

  await check("a call that is repeated is one call", async () => {
    const id = randomUUID();
    const answers = [await hold(50, "8B", id), await hold(50, "8B", id)];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
    for (const path of ["confirm", "confirm", "cancel", "cancel"]) assert.equal((await post(visitor(50), `/seatmap/api/${path}`, { id })).status, 200);
  });

  await check("another visitor's seat can neither be confirmed nor given back", async () => {
    const id = randomUUID();
    assert.equal((await hold(51, "12B", id)).status, 200);
    for (const path of ["confirm", "cancel"]) assert.equal((await post(visitor(52), `/seatmap/api/${path}`, { id })).status, 404);
    assert.equal((await sql("SELECT status FROM booking.booking WHERE id = $1", id))[0].status, "held");
    assert.equal((await post(visitor(51), "/seatmap/api/cancel", { id })).status, 200);
  });

  await check("four seats are the most", async () => {
    for (const seat of ["2A", "2B", "3B", "4A"]) assert.equal((await hold(53, seat)).status, 200);
    const fifth = await hold(53, "4B");
    assert.deepEqual([fifth.status, fifth.json().by], [409, "booking_holder_limit"]);
  });

  await check("no holder is ever sent: not in the live seat map, not in a refusal, not in the calendar", async () => {
    const holders = (await sql("SELECT DISTINCT holder FROM booking.booking")).map(({ holder }) => holder);
    assert.ok(holders.length > 5);
    let heard = "";
    await new Promise((resolve, reject) => {
      const asked = request(`${server.url}seatmap/api/live`, { headers: { cookie: `visitor=${visitor(99)}` } }, (response) => {
        response.on("data", (part) => {
          heard += part;
          if (heard.includes("event: map") && heard.endsWith("\n\n")) asked.destroy(), resolve();
        });
      });
      asked.on("error", reject);
      asked.end();
    });
    assert.match(heard, /"status":"booked"/);
    heard += (await hold(99, "1A")).text + (await send("GET", "/calendar/api/week")).text;
    for (const holder of holders) assert.ok(!heard.includes(holder), holder);
    for (const [{ id }] of [await sql("SELECT id FROM booking.booking WHERE holder = 'passenger of 1A'")]) assert.ok(!heard.includes(id));
  });

  await check("the cookie is for our server's eyes", async () => {
    const { headers } = await send("GET", "/seatmap/");
    assert.match(headers["set-cookie"][0], /^visitor=[\w-]{22}; Path=\/; HttpOnly; SameSite=Strict;/);
    assert.match(headers["content-security-policy"], /default-src 'self'/);
    const again = await send("GET", "/seatmap/", { headers: { cookie: headers["set-cookie"][0].split(";")[0] } });
    assert.equal(again.headers["set-cookie"], undefined);
  });

  await check("another site's page gets nothing done", async () => {
    const body = JSON.stringify({ trip, seat: "4B", id: randomUUID() });
    const cookie = `visitor=${visitor(60)}`;
    for (const origin of ["http://evil.example", "null", "file://"]) {
      assert.equal((await send("POST", "/seatmap/api/hold", { body, headers: { origin, cookie, "content-type": "application/json" } })).status, 403);
    }
    assert.equal((await send("POST", "/seatmap/api/hold", { body, headers: { cookie, "content-type": "text/plain" } })).status, 415);
    assert.equal((await send("POST", "/seatmap/api/hold", { body, headers: { cookie, "content-type": "application/x-www-form-urlencoded" } })).status, 415);
    assert.equal((await send("GET", `/seatmap/api/hold?body=${encodeURIComponent(body)}`, { headers: { cookie } })).status, 404);
  });

  await check("what is malformed is refused, and nothing falls over", async () => {
    const id = randomUUID();
    const wrong = [
      {}, [], null, { trip, seat: "8C", id }, { trip, seat: "8'; DROP TABLE booking.booking; --", id }, { trip, seat: "1D", id: "1" }, { trip: "1 OR 1=1", seat: "1D", id },
      { trip: "999999999999999999", seat: "1D", id }, { trip, seat: ["1D"], id }, { trip, seat: "\0", id }, { trip, seat: "\ud800", id }, { seat: "1D", id },
    ];
    for (const body of wrong) {
      const { status } = await post(visitor(61), "/seatmap/api/hold", body);
      assert.ok(status >= 400 && status < 500, `${JSON.stringify(body)}: ${status}`);
    }
    assert.equal((await send("POST", "/seatmap/api/hold", { headers: { "content-type": "application/json" }, body: "{" })).status, 400);
    assert.equal((await send("POST", "/seatmap/api/hold", { headers: { "content-type": "application/json" }, body: "x".repeat(20000) })).status, 413);
    for (const path of ["/seatmap/../server.js", "/seatmap/%2e%2e/server.js", "/seatmap/..%2fserver.js", "/calendar/..%2f..%2fseatmap/server.js", "/seatmap/%00", "/seatmap/%",
      "/etc/passwd", "/seatmap/api/constructor", "/constructor/", "/seatmap/shared", "//", "/seatmap/public/index.html"]) {
      const { status } = await send("GET", path);
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    }
    for (const query of ["monday=yesterday", "monday=2035-02-31", "monday=99999-01-01"]) {
      const { status } = await send("GET", `/calendar/api/week?${query}`);
      assert.equal(status, 422, query);
    }
    for (const query of ["", "minutes=0", "minutes=1e9", "minutes=60&monday=x"]) assert.equal((await send("GET", `/calendar/api/find?${query}`)).status, 422, query);
    const [{ id: room }] = await sql("SELECT id FROM booking.resource WHERE name = 'Library'");
    assert.equal((await send("GET", `/calendar/api/why?room=${room}&from=2035-01-01T09:00&to=2035-01-01T08:00`)).status, 422);
    assert.equal((await send("PUT", "/seatmap/")).status, 405);
    assert.equal((await send("HEAD", "/seatmap/")).status, 200);
  });

  await check("only rooms are booked in the calendar, and only one's own moved", async () => {
    const [{ coach, room }] = await sql(`SELECT (SELECT id FROM booking.resource WHERE category = 'coach') AS coach,
      (SELECT id FROM booking.resource WHERE name = 'Library') AS room`);
    const at = { from: "2035-01-08T09:00", to: "2035-01-08T10:00" }, id = randomUUID();
    assert.equal((await post(visitor(70), "/calendar/api/book", { room: coach, ...at, id, title: "" })).status, 404);
    assert.equal((await post(visitor(70), "/calendar/api/book", { room, ...at, id, title: "mine" })).status, 200);
    const moved = { room, from: "2035-01-08T10:00", to: "2035-01-08T11:00", id, version: "1" };
    assert.equal((await post(visitor(71), "/calendar/api/move", moved)).status, 404);
    assert.equal((await post(visitor(71), "/calendar/api/cancel", { id })).status, 404);
    assert.equal((await post(visitor(70), "/calendar/api/move", { ...moved, room: coach })).status, 404);
    // Twice the same: as when the answer of the first was lost.
    assert.equal((await post(visitor(70), "/calendar/api/move", moved)).status, 200);
    assert.equal((await post(visitor(70), "/calendar/api/move", moved)).status, 200);
    assert.equal((await post(visitor(70), "/calendar/api/move", { ...moved, from: "2035-01-08T10:30" })).json().by, "booking_version");
    const week = await send("GET", "/calendar/api/week?monday=2035-01-08", { headers: { cookie: `visitor=${visitor(71)}` } });
    assert.ok(!week.text.includes("mine\"") || week.json().mine.length === 0);
    assert.equal((await post(visitor(70), "/calendar/api/cancel", { id })).status, 200);
  });

  await check("nothing was booked that should not have been, and verify() agrees", async () => {
    assert.deepEqual(await sql("SELECT * FROM booking.verify()"), []);
    assert.deepEqual(await sql("SELECT FROM booking.current WHERE resource = 'Coach 7' AND seat = '4B'"), []);
  });

  await check("asked to stop, the server answers and goes", async () => {
    const stream = request(`${server.url}seatmap/api/live`);
    const closed = new Promise((resolve) => stream.on("response", (response) => response.resume().on("end", resolve)));
    const open = new Promise((resolve) => stream.on("response", resolve));
    stream.end();
    await open;
    assert.equal(await server.stop(), 0);
    await closed;
  });
});
