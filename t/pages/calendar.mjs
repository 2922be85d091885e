// A week of rooms: dragging with a mouse, the same with the keyboard, and what cannot be is explained.
import assert from "node:assert/strict";
import { check, mistakes, run, said, Server, sql, visit } from "./lib.mjs";

const MONDAY = "2035-01-01", TUESDAY = "2035-01-02";    // nobody has booked anything there yet
const OPENS = 480, CLOSES = 1080;           // what the page shows, in minutes of a day

await run(async () => {
  const server = await new Server().start();
  const url = `${server.url}calendar/?week=${MONDAY}`;
  const [ann, bob] = [await visit(url), await visit(url)];
  const rooms = Object.fromEntries((await sql("SELECT name, id FROM booking.resource WHERE category = 'room'")).map(({ name, id }) => [name, id]));
  await sql(`SELECT FROM booking.close_period('Library', booking.local_period('Library', '${TUESDAY} 13:00', '${TUESDAY} 16:00'), 'the floor is being waxed')`);

  const minutes = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
  // Where something stands; the page may draw it anew at any moment, so it is found and measured at once.
  const boxOf = async (page, selector) => (await page.waitForFunction((wanted) => {
    const box = document.querySelector(wanted)?.getBoundingClientRect();
    return box?.height && { x: box.x, y: box.y, width: box.width, height: box.height };
  }, selector)).jsonValue();
  const point = async (page, [room, day, clock]) => {
    const box = await boxOf(page, `.lane[data-room="${rooms[room]}"][data-day="${day}"]`);
    return [box.x + box.width / 2, box.y + (box.height * (minutes(clock) - OPENS)) / (CLOSES - OPENS)];
  };
  const drag = async (page, from, to) => {
    const [a, b] = [await point(page, from), await point(page, to)];
    await page.mouse.move(...a);
    await page.mouse.down();
    await page.mouse.move((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, { steps: 4 });
    await page.mouse.move(...b, { steps: 4 });
    await page.mouse.up();
  };
  // A block of a kind that begins and ends then.
  const block = (page, kind, room, day, from, to) => page.waitForSelector(
    `.lane[data-room="${rooms[room]}"][data-day="${day}"] .${kind}[style*="--from: ${minutes(from) - OPENS};"][style*="--to: ${minutes(to) - OPENS};"]`, { state: "attached" });
  const booked = async (holder = "%") => (await sql(`SELECT resource, to_char(lower(period) AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI') AS "from",
      to_char(upper(period) AT TIME ZONE 'Europe/Berlin', 'HH24:MI') AS "to" FROM booking.current
    WHERE lower(period) >= '${MONDAY}' AND lower(period) < '2035-01-08' AND holder LIKE $1 ORDER BY lower(period), resource`, holder))
    .map(({ resource, from, to }) => `${resource} ${from} ${to}`);

  await check("dragging over free time books it, and the other page shows that it is taken", async () => {
    await ann.fill("#what", "<img src=x onerror=alert(1)> & co");
    await drag(ann, ["Library", MONDAY, "09:00"], ["Library", MONDAY, "10:30"]);
    await block(ann, "mine", "Library", MONDAY, "09:00", "10:30");
    await block(bob, "busy", "Library", MONDAY, "09:00", "10:30");
    assert.deepEqual(await booked(), [`Library ${MONDAY} 09:00 10:30`]);
  });

  await check("a title is text, and for its owner only", async () => {
    assert.equal(await ann.textContent(".mine .body b"), "<img src=x onerror=alert(1)> & co");
    assert.equal(await ann.locator("main img").count(), 0);
    assert.ok(!(await bob.content()).includes("onerror"));
    const heard = await bob.evaluate((week) => fetch(`api/week?monday=${week}`).then((answer) => answer.text()), MONDAY);
    assert.ok(!heard.includes("onerror") && !heard.includes("visitor"));
  });

  await check("over somebody else's booking: refused in the words of why_not(), with what is free", async () => {
    await drag(bob, ["Library", MONDAY, "10:00"], ["Library", MONDAY, "11:00"]);
    await said(bob, "It is taken. The same is free from Mon 1 Jan 10:30.");
    assert.equal(await bob.locator(".mine").count(), 0);
  });

  await check("while dragging, the reason stands below the week already", async () => {
    const [a, b] = [await point(bob, ["Library", TUESDAY, "14:00"]), await point(bob, ["Library", TUESDAY, "15:00"])];
    await bob.mouse.move(...a);
    await bob.mouse.down();
    await bob.mouse.move(...b, { steps: 4 });
    await bob.waitForFunction(() => document.querySelector("#hint").textContent.includes("the floor is being waxed"));
    assert.equal(await bob.locator(".ghost.bad").count(), 1);
    await bob.keyboard.press("Escape");
    await bob.mouse.up();
    assert.equal(await bob.locator(".ghost").count(), 0);
  });

  await check("closed, outside the hours, too long: each is explained", async () => {
    await drag(bob, ["Library", TUESDAY, "15:00"], ["Library", TUESDAY, "17:00"]);
    await said(bob, "the floor is being waxed. It is open again for that long from Tue 2 Jan 16:00.");
    await drag(bob, ["Studio", TUESDAY, "09:00"], ["Studio", TUESDAY, "10:30"]);
    await said(bob, "Outside the opening hours.");
    await drag(bob, ["Studio", TUESDAY, "11:00"], ["Studio", TUESDAY, "15:00"]);
    await said(bob, "Too long or too short.");
    assert.deepEqual(await booked(), [`Library ${MONDAY} 09:00 10:30`]);
  });

  await check("dragged to another room and day it moves, live", async () => {
    await drag(ann, ["Library", MONDAY, "09:30"], ["Studio", TUESDAY, "11:00"]);
    await block(ann, "mine", "Studio", TUESDAY, "10:30", "12:00");
    await block(bob, "busy", "Studio", TUESDAY, "10:30", "12:00");
    await bob.waitForFunction(([room, day]) => !document.querySelector(`.lane[data-room="${room}"][data-day="${day}"] .busy`), [rooms.Library, MONDAY]);
    assert.deepEqual(await booked(), [`Studio ${TUESDAY} 10:30 12:00`]);
  });

  await check("half onto itself it moves as well, and its edge makes it longer", async () => {
    await drag(ann, ["Studio", TUESDAY, "11:00"], ["Studio", TUESDAY, "11:30"]);
    await block(ann, "mine", "Studio", TUESDAY, "11:00", "12:30");
    const edge = await boxOf(ann, ".mine .edge"), to = await point(ann, ["Studio", TUESDAY, "13:00"]);
    await ann.mouse.move(edge.x + edge.width / 2, edge.y + edge.height / 2);
    await ann.mouse.down();
    await ann.mouse.move(...to, { steps: 5 });
    await ann.mouse.up();
    await block(ann, "mine", "Studio", TUESDAY, "11:00", "13:00");
  });

  await check("where it cannot go it stays, and hears why", async () => {
    await sql(`SELECT FROM booking.book_slot('Studio', booking.local_period('Studio', '${TUESDAY} 15:00', '${TUESDAY} 16:00'), 'somebody')`);
    await block(ann, "busy", "Studio", TUESDAY, "15:00", "16:00");
    await drag(ann, ["Studio", TUESDAY, "11:30"], ["Studio", TUESDAY, "15:00"]);
    await said(ann, "It is taken.");
    await block(ann, "mine", "Studio", TUESDAY, "11:00", "13:00");
    assert.ok((await booked()).includes(`Studio ${TUESDAY} 11:00 13:00`));
  });

  await check("undo brings it back", async () => {
    await drag(ann, ["Studio", TUESDAY, "11:30"], ["Studio", "2035-01-03", "11:30"]);
    await block(ann, "mine", "Studio", "2035-01-03", "11:00", "13:00");
    await ann.click("#notice button:has-text('Undo')");
    await block(ann, "mine", "Studio", TUESDAY, "11:00", "13:00");
  });

  await check("the next free times can be booked as they are offered", async () => {
    await bob.click("#found button >> nth=0");
    await said(bob, "Booked: Library, Monday 1 January, 08:00 to 09:00.");
    await block(bob, "mine", "Library", MONDAY, "08:00", "09:00");
    await block(ann, "busy", "Library", MONDAY, "08:00", "09:00");
    await bob.waitForFunction(() => !document.querySelector("#found button").textContent.includes("Mon 08:00 Library"));
    await bob.click(".mine .cancel");
    await said(bob, "Given back.");
    await ann.waitForFunction(([room, day]) => !document.querySelector(`.lane[data-room="${room}"][data-day="${day}"] .busy`), [rooms.Library, MONDAY]);
  });

  await check("with the keyboard alone: book, pick up, move to another room, put down, give back", async () => {
    const kim = await visit(url);
    const focused = () => kim.evaluate(() => document.activeElement.getAttribute("aria-label") ?? "");
    await kim.waitForSelector(".cursor");
    for (let n = 0; n < 40 && !/^Book \d/.test(await focused()); n++) await kim.keyboard.press("Tab");
    assert.equal(await focused(), "Book 08:00–09:00, Library, Monday 1 January");
    for (const key of ["ArrowDown", "ArrowDown", "Shift+ArrowDown", "ArrowRight"]) await kim.keyboard.press(key);
    assert.equal(await focused(), "Book 09:00–10:30, Garden room, Monday 1 January");
    await kim.keyboard.press("Enter");
    await block(kim, "mine", "Garden room", MONDAY, "09:00", "10:30");
    await kim.waitForFunction(() => document.activeElement.matches(".mine .body"));
    for (const key of ["Enter", "ArrowLeft", "ArrowDown", "Shift+ArrowUp"]) await kim.keyboard.press(key);
    await kim.waitForFunction(() => document.querySelector("#says").textContent === "Library, Monday 1 January, 09:30 to 10:30");
    await kim.keyboard.press("Enter");
    await block(kim, "mine", "Library", MONDAY, "09:30", "10:30");
    await block(ann, "busy", "Library", MONDAY, "09:30", "10:30");
    await kim.waitForFunction(() => document.activeElement.matches(".mine .body"));
    await kim.keyboard.press("Delete");
    await said(kim, "Given back.");
    await kim.waitForFunction(() => !document.querySelector(".mine"));
    await kim.context().close();
  });

  await check("a minute passes, a room is described anew: the keyboard stays where it is, and so does what it has picked up", async () => {
    const kim = await visit(url);
    let now = 0, about = "";
    await kim.route("**/api/week?*", async (route) => {
      const response = await route.fetch(), week = await response.json();
      week.now = `${MONDAY}T09:${now}`;
      for (const room of week.rooms) Object.assign(room, { now: week.now, about });
      await route.fulfill({ response, json: week });
    });
    // The page reads the week again, and finds another time in it.
    const later = async () => {
      now = now ? now + 1 : 10;
      await kim.evaluate(() => document.querySelector("#minutes").dispatchEvent(new Event("change")));
      await kim.waitForSelector(`.now[style*="--from: ${540 + now - OPENS};"]`, { state: "attached" });
    };
    const stands = (words) => kim.waitForFunction((text) => document.activeElement.getAttribute("aria-label")?.startsWith(text), words);
    for (const change of [() => {}, () => { about = "another carpet"; }]) {
      await kim.focus(".cursor");
      change();
      await later();
      await stands("Book ");
    }
    await kim.focus("#found li:nth-child(2) button");
    await later();
    await kim.waitForFunction(() => document.activeElement.matches("#found li:nth-child(2) button"));
    await kim.focus(".cursor");
    await kim.keyboard.press("Enter");
    await kim.waitForFunction(() => document.activeElement.matches(".mine .body"));
    await kim.keyboard.press("Enter");
    for (const change of [() => {}, () => { about = "the old carpet"; }]) {
      change();
      await later();
      await stands("Team meeting ");
      await kim.keyboard.press("ArrowDown");
    }
    await kim.keyboard.press("Enter");
    await said(kim, "Moved to Library, Monday 1 January, 09:00 to 10:00.");
    await later();
    await stands("Team meeting ");
    await kim.keyboard.press("Delete");
    await said(kim, "Given back.");
    await kim.context().close();
  });

  await check("a picked up booking is left where it was by Escape", async () => {
    await ann.focus(".mine .body");
    for (const key of ["Enter", "ArrowDown", "Escape"]) await ann.keyboard.press(key);
    assert.equal(await ann.locator(".ghost").count(), 0);
    assert.ok((await booked()).includes(`Studio ${TUESDAY} 11:00 13:00`));
  });

  await check("no page made a mistake, and verify() agrees", async () => {
    assert.deepEqual(mistakes, []);
    assert.deepEqual(await sql("SELECT * FROM booking.verify()"), []);
  });

  await server.stop();
});
