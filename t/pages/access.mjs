// For everybody: with the keyboard alone, on a phone, by day and by night, and by the rules that axe-core knows.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { check, click, mistakes, run, seat, Server, visit } from "./lib.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

async function violations(page) {
  await page.evaluate(await (await import("node:fs/promises")).readFile(axe, "utf8"));
  const { violations: found } = await page.evaluate(() => globalThis.axe.run(document));
  return found.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 120)} ${any[0]?.message ?? ""}`).slice(0, 3).join(" | ")}`);
}

await run(async () => {
  const server = await new Server().start();

  await check("with the keyboard alone: to the seats, hold, confirm, give back", async () => {
    const page = await visit(`${server.url}seatmap/`);
    const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? "");
    for (let n = 0; n < 10 && !(await focused()).startsWith("Seat "); n++) await page.keyboard.press("Tab");
    assert.equal(await focused(), "Seat 1A, window, taken");
    // The coach drives to the left: behind 1A is 2A, across the aisle 1D.
    await page.keyboard.press("ArrowRight");
    assert.equal(await focused(), "Seat 2A, window, free");
    await page.keyboard.press("ArrowUp");
    assert.equal(await focused(), "Seat 2B, aisle, free");
    await page.keyboard.press("Enter");
    await seat(page, "2B", "mine-held");
    assert.equal(await focused(), "Seat 2B, aisle, held for you");
    await page.waitForFunction(() => document.querySelector("#says").textContent.includes("Press it again to confirm"));
    await page.keyboard.press("Space");
    await seat(page, "2B", "mine");
    await page.keyboard.press("End");
    assert.equal(await focused(), "Seat 13E, window, free");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Delete");
    await seat(page, "2B", "free");
    assert.equal(await focused(), "Seat 2B, aisle, free");
    await page.context().close();
  });

  for (const scheme of ["light", "dark"]) {
    await check(`axe-core finds nothing on the seat map (${scheme})`, async () => {
      const page = await visit(`${server.url}seatmap/`, { colorScheme: scheme, reducedMotion: "reduce" });
      for (const label of ["3B", "4B"]) {
        await click(page, label);
        await seat(page, label, "mine-held");
      }
      await click(page, "3B");
      await seat(page, "3B", "mine");
      assert.deepEqual(await violations(page), []);
      for (const label of ["3B", "4B"]) await page.click(`button[aria-label="Give back seat ${label}"]`);
      await seat(page, "4B", "free");
      await page.context().close();
    });
    await check(`axe-core finds nothing on the calendar (${scheme})`, async () => {
      const page = await visit(`${server.url}calendar/?week=2035-01-01`, { colorScheme: scheme, reducedMotion: "reduce" });
      await page.click("#found button >> nth=0");
      await page.waitForSelector(".mine");
      assert.deepEqual(await violations(page), []);
      await page.click(".mine .cancel");
      await page.waitForFunction(() => !document.querySelector(".mine"));
      await page.context().close();
    });
  }

  const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const fits = async (page) => {
    const [wide, narrow] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= narrow && narrow === 360, `${wide} in ${narrow}`);
  };

  await check("on a phone: no scrolling sideways, seats as large as a fingertip, a tap holds and a tap confirms", async () => {
    const page = await visit(`${server.url}seatmap/`, phone);
    await fits(page);
    const box = await page.locator('.seat[data-seat="6A"]').boundingBox();
    assert.ok(box.width >= 40 && box.height >= 40, `${box.width} x ${box.height}`);
    await page.tap('.seat[data-seat="6A"]');
    await seat(page, "6A", "mine-held");
    await page.tap('.seat[data-seat="6A"]');
    await seat(page, "6A", "mine");
    await fits(page);
    assert.deepEqual(await violations(page), []);
    await page.context().close();
  });

  await check("on a phone: the calendar shows a day, a tap chooses and a tap books", async () => {
    const page = await visit(`${server.url}calendar/?week=2035-01-01`, phone);
    await page.waitForSelector(".lane");
    await fits(page);
    assert.equal(await page.locator(".day:visible").count(), 1);
    await page.tap("#tabs button >> nth=2");
    const lane = page.locator(".day.shown .lane >> nth=1");
    await lane.tap({ position: { x: 20, y: 200 } });
    await page.tap(".cursor.placed");
    await page.waitForSelector(".day.shown .mine");
    await fits(page);
    assert.deepEqual(await violations(page), []);
    await page.tap(".day.shown .mine .cancel");
    await page.waitForFunction(() => !document.querySelector(".mine"));
    await page.context().close();
  });

  await check("no page made a mistake", () => assert.deepEqual(mistakes, []));
  await server.stop();
});
