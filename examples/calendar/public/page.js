// The calendar in the browser: reads a week, reads it again when something has changed, and asks for what is wanted.
import { $, element, notice, showState } from "/seatmap/shared/dom.js";
import { get, Live, post, Refused, uuid } from "/seatmap/shared/live.js";
import { Cursor } from "./cursor.js";
import { Drag } from "./drag.js";
import { Ghost, reasons } from "./ghost.js";
import { Grid } from "./grid.js";
import { addDays, clock, date, local, minutesOf, weekday, year } from "./times.js";

let monday = new URLSearchParams(location.search).get("week") ?? "";
let shownDay = null;                        // on a narrow page: one day at a time
let reading = null, again = false;

const say = (words) => { $("#says").textContent = words; };
const grid = new Grid(), ghost = new Ghost(grid);
const acts = { book, move, cancel, say };
const cursor = new Cursor(grid, ghost, acts);
new Drag(grid, ghost, { ...acts, point: (lane, minute) => cursor.point(lane, minute) });

// --- what there is ---

// One reading at a time; what changes meanwhile is read afterwards.
function read() {
  again = true;
  reading ??= readAll();
  return reading;
}

async function readAll() {
  while (again) {
    again = false;
    const asked = monday;
    try {
      const [week, found] = await Promise.all([get("api/week", { monday }), get("api/find", { monday, minutes: $("#minutes").value })]);
      if (asked === monday) show(week, found);
      else again = true;
    } catch (error) {
      notice("no", error.message);
    }
  }
  reading = null;                           // at once: a call of read() from here on does not get what was read before
}

function show(week, found) {
  monday = week.monday;
  if (!week.rooms.length) {
    $("#title").textContent = "There are no rooms";
    return;
  }
  cursor.keep(() => grid.draw(week));
  const days = [...new Set(grid.lanes.map((lane) => lane.day))];
  $("#title").textContent = `${date(days[0])} – ${date(days.at(-1))} ${year(days.at(-1))}`;
  if (!days.includes(shownDay)) shownDay = days.find((day) => week.now.startsWith(day)) ?? days[0];
  showDay();
  refill($("#tabs"), days.map((day) => element("button", {
    type: "button", "aria-pressed": String(day === shownDay), onclick: () => { shownDay = day; showDay(); },
  }, element("small", {}, weekday(day)), ` ${Number(day.slice(8))}`)));
  showFound(found, week.rooms);
}

// Gives a box other buttons; the one in the same place has the focus then, if one of them had it.
function refill(box, content) {
  const nth = [...box.querySelectorAll("button")].indexOf(document.activeElement);
  box.replaceChildren(...content);
  if (nth >= 0) [...box.querySelectorAll("button")].slice(0, nth + 1).at(-1)?.focus({ preventScroll: true });
}

function showDay() {
  for (const box of document.querySelectorAll(".day")) box.classList.toggle("shown", box.dataset.day === shownDay);
  [...$("#tabs").children].forEach((tab, n) => tab.setAttribute("aria-pressed", String($("#days").children[n].dataset.day === shownDay)));
}

function showFound(found, rooms) {
  const times = found.map(({ room, from, to }) => {
    const day = from.slice(0, 10), place = { room, day, from: minutesOf(from), to: minutesOf(to) || 1440 };
    const n = rooms.findIndex((one) => one.id === room);
    const button = element("button", { type: "button", onclick: () => book(place) }, element("span.unseen", {}, "Book "),
      `${weekday(day)} ${clock(place.from)} `, element("span", {}, rooms[n]?.name ?? ""), element("span.unseen", {}, ` until ${clock(place.to)}`));
    button.dataset.tone = n % 4;
    return element("li", {}, button);
  });
  refill($("#found"), times.length ? times : [element("li.soft", {}, "nothing in this week")]);
}

new Live("api/live", { state: showState, hello: read, changed: read });
// Opening hours, closures and the time itself are no events of bookings.
setInterval(() => document.hidden || read(), 60000);

function go(to) {
  monday = to;
  history.replaceState(null, "", to ? `?week=${to}` : location.pathname);
  read();
}
$("#before").onclick = () => go(addDays(monday, -7));
$("#after").onclick = () => go(addDays(monday, 7));
$("#now").onclick = () => go("");
$("#minutes").onchange = read;

// --- what the visitor does ---

const sent = ({ room, day, from, to }) => ({ room, from: local(day, from), to: local(day, to) });

async function attempt(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const words = error.why.length ? reasons(error.why) : error.message;
    notice("no", words);
    say(words);
    return null;
  } finally {
    await read();
  }
}

async function book(place) {
  const id = uuid(), words = grid.describe(place);
  if (!await attempt(() => post("api/book", { ...sent(place), id, title: $("#what").value.trim() }))) return null;
  notice("yes", `Booked: ${words}.`, { name: "Undo", run: () => cancel(id) });
  say(`Booked: ${words}.`);
  return id;
}

async function move(id, place) {
  const was = grid.mine(id);
  if (!was || ["room", "day", "from", "to"].every((key) => was[key] === place[key])) return;
  const { room, day, from, to, version } = was;
  if (!await attempt(() => post("api/move", { ...sent(place), id, version: String(version) }))) return;
  notice("yes", `Moved to ${grid.describe(place)}.`, { name: "Undo", run: () => move(id, { room, day, from, to }) });
  say(`Moved to ${grid.describe(place)}.`);
}

async function cancel(id) {
  if (!await attempt(() => post("api/cancel", { id }))) return;
  notice("yes", "Given back.");
  say("Given back.");
}
