// What the tests of the pages have in common: a server of the pages, browsers, and checks that are printed one a line.
//
// Nothing is expected by a certain time: a check waits for what must happen, and gives up after ten minutes.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { chromium } from "playwright-core";

const LONG = 600000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// --- checks ---

let failed = 0;
export async function check(name, test) {
  try {
    await test();
    console.log(`ok - ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok - ${name}`);
    console.log(String(error.stack ?? error).replace(/^/gm, "# "));
  }
}

const ends = [];
export const atEnd = (call) => ends.push(call);

// Runs a script's tests; whatever happens, nothing that was started goes on.
export async function run(tests) {
  try {
    await tests();
  } catch (error) {
    await check("the script", () => { throw error; });
  }
  for (const end of ends.reverse()) await check("everything ends", end);
  process.exit(failed ? 1 : 0);
}
process.on("SIGTERM", () => process.exit(1));

// --- the database, as its superuser ---

export const database = new pg.Client({ user: process.env.SUPERUSER, application_name: "test" });
await database.connect();
atEnd(() => database.end());
export const sql = async (text, ...values) => (await database.query(text, values)).rows;

// --- the server of the pages ---

export class Server {
  port = 0;

  async start() {
    this.process = spawn(process.execPath, [here("seatmap/server.js")], {
      env: { ...process.env, PORT: String(this.port), PGUSER: "pages" }, stdio: ["ignore", "pipe", "inherit"],
    });
    this.ended = new Promise((resolve) => this.process.on("exit", (code, signal) => resolve(signal ?? code)));
    const kill = () => this.process.kill("SIGKILL");
    process.on("exit", kill);
    this.ended.then(() => process.off("exit", kill));
    this.url = await new Promise((resolve, reject) => {
      this.process.stdout.once("data", (line) => resolve(String(line).trim()));
      this.process.once("exit", () => reject(new Error("the server did not start")));
    });
    this.port = new URL(this.url).port;
    return this;
  }

  stop(signal = "SIGTERM") {
    this.process.kill(signal);
    return this.ended;
  }
}

// --- browsers ---

let browser;
async function launched() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", timeout: LONG,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
  return browser;
}
atEnd(() => browser?.close());

// A page of a visitor of its own, once it is live.  What goes wrong in it fails the script.
export const mistakes = [];
export async function visit(url, options = {}) {
  const context = await (await launched()).newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(LONG);
  const page = await context.newPage();
  page.on("pageerror", (error) => mistakes.push(error.stack));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && mistakes.push(message.text()));
  await page.goto(url);
  await live(page);
  return page;
}

export const live = (page) => page.waitForSelector("#state[data-state=live]");

// --- the seat map ---

export const seat = (page, label, state) => page.waitForSelector(`.seat[data-seat="${label}"][data-state="${state}"]`);
// Also a seat that is not for sale can be clicked: it says why.
export const click = (page, label) => page.click(`.seat[data-seat="${label}"]`, { force: true });
export const said = (page, words) => page.waitForFunction((text) => {
  const box = document.querySelector("#notice");
  return !box.hidden && box.textContent.includes(text);
}, words);
