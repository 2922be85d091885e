// The server of both pages: the seat map here, and the calendar in ../calendar.
//
//	PGHOST=... PGUSER=... PGDATABASE=... PORT=8070 node server.js
//
// It keeps nothing: what is booked is in the database, and any number of these may run beside each other.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Calendar } from "../calendar/calendar.js";
import { Database, Lost } from "./lib/database.js";
import { answer, bodyOf, file, harden, Wrong } from "./lib/http.js";
import { Journal } from "./lib/journal.js";
import { holderOf } from "./lib/visitors.js";
import { refusal, statusOf } from "./lib/words.js";
import { SeatMap } from "./seatmap.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDERS = { seatmap: here("public"), calendar: here("../calendar/public") };
const CLOCK = "Europe/Berlin";              // of the coach and the rooms

const database = new Database(CLOCK);
const journal = new Journal(CLOCK);
const ask = database.ask.bind(database);
const pages = { seatmap: new SeatMap(ask, journal), calendar: new Calendar(ask, journal) };

// /seatmap/api/hold is the method "hold" of the seat map's "posts", /seatmap/seats.js a file of it.
async function serve(request, response) {
  harden(response);
  if (!URL.canParse(request.url, "http://here")) throw new Wrong(400, "no such address");
  const { pathname, searchParams } = new URL(request.url, "http://here");
  const [, name, api, method] = pathname.match(/^\/(\w+)\/(api\/)?(.*)$/) ?? [];
  const holder = holderOf(request, response);
  if (pathname === "/") {
    response.writeHead(302, { location: "/seatmap/" }).end();
  } else if (!Object.hasOwn(pages, name ?? "")) {
    throw new Wrong(404, "not here");
  } else if (api && request.method === "POST" && Object.hasOwn(pages[name].posts, method)) {
    answer(response, 200, await pages[name].posts[method](await bodyOf(request), holder));
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    throw new Wrong(405, "not so");
  } else if (api && method === "live") {
    await pages[name].live(request, response, holder);
  } else if (api && Object.hasOwn(pages[name].gets, method)) {
    answer(response, 200, await pages[name].gets[method](searchParams, holder));
  } else {
    await file(FOLDERS[name], method || "index.html", request, response);
  }
}

function fail(error, response) {
  if (response.headersSent) {
    response.destroy();
  } else if (error instanceof Wrong) {
    answer(response, error.status, { by: error.by ?? "request", words: error.message, why: error.why });
  } else if (error instanceof Lost) {
    answer(response, 503, { by: "connection", words: "The database cannot be reached at the moment. Nothing is lost: please try again." });
  } else if (statusOf(error)) {
    answer(response, statusOf(error), refusal(error));
  } else {
    console.error(error);
    answer(response, 500, { by: "error", words: "Something went wrong here. Please try again." });
  }
}

const server = createServer((request, response) => serve(request, response).catch((error) => fail(error, response)));

// Answers what has been asked, ends what would never end by itself, and goes.
let stopping = false;
async function stop() {
  if (stopping) process.exit(1);            // asked twice
  stopping = true;
  const closed = new Promise((resolve) => server.close(resolve));
  for (const page of Object.values(pages)) page.close();
  setTimeout(() => server.closeAllConnections(), 3000).unref();
  await closed;
  await journal.stop();
  await database.close();
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

journal.start();
server.listen(Number(process.env.PORT ?? 8070), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`http://${address.includes(":") ? `[${address}]` : address}:${port}/`);
});
