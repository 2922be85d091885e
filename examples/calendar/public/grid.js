// Draws a week: for each day a lane for each room, and in it what is free, what is taken, and what is one's own.
import { $, element } from "/seatmap/shared/dom.js";
import { addDays, clock, date, longDay, pieces, span, weekday } from "./times.js";

export const STEP = 30;

export class Grid {
  week = null;
  lanes = [];                               // { room, day, box }, from left to right
  #free = [];
  #busy = new Set();
  #mine = new Map();                        // id: the piece of a booking, with its box

  // Lanes are made when the rooms or the days are others than before; what is in them whenever something has changed.
  draw(week) {
    const first = this.week === null || this.week.monday !== week.monday;
    this.week = week;
    this.from = Math.min(...week.rooms.map((room) => room.opens ?? 0)) * 60;
    this.to = Math.max(...week.rooms.map((room) => room.closes ?? 24)) * 60;
    const free = week.free.flatMap(pieces), busy = week.busy.flatMap(pieces), mine = week.mine.flatMap(pieces);
    const weekend = [...free, ...busy, ...mine].some((piece) => piece.day >= addDays(week.monday, 5));
    const days = Array.from({ length: weekend ? 7 : 5 }, (_, n) => addDays(week.monday, n));
    const held = document.activeElement?.closest(".mine")?.dataset.id;
    // Each room says what time it is, which is no reason to make its lanes anew.
    const shape = JSON.stringify([days, week.rooms.map(({ now, ...room }) => room), this.from, this.to]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.#lay(days);
    }
    this.#free = free;
    const known = this.#busy;
    this.#busy = new Set(busy.map((piece) => JSON.stringify(piece)));
    this.#mine.clear();
    for (const lane of this.lanes) {
      const here = (piece) => piece.room === lane.room.id && piece.day === lane.day;
      const blocks = [
        ...free.filter(here).map((piece) => this.#block("free", piece)),
        ...busy.filter(here).map((piece) => this.#block(first || known.has(JSON.stringify(piece)) ? "busy" : "busy.new", piece)),
        ...mine.filter(here).map((piece) => this.#own(piece, lane)),
      ];
      if (week.now.startsWith(lane.day)) blocks.push(this.#block("now", { from: minutes(week.now), to: minutes(week.now) }));
      lane.blocks.replaceChildren(...blocks);
      lane.box.setAttribute("aria-label", `${lane.room.name}, ${longDay(lane.day)}: ${said("free", free.filter(here))}, ${said("taken", busy.filter(here))}`);
    }
    if (held) this.#mine.get(held)?.box.querySelector("button").focus({ preventScroll: true });
  }

  #lay(days) {
    const hours = Array.from({ length: (this.to - this.from) / 60 + 1 }, (_, n) => this.from + n * 60);
    $("#hours").replaceChildren(...hours.map((at) => this.#place(element("span", {}, clock(at)), { from: at, to: at })));
    document.documentElement.style.setProperty("--minutes", this.to - this.from);
    document.documentElement.style.setProperty("--rooms", this.week.rooms.length);
    document.documentElement.style.setProperty("--days", days.length);
    this.lanes = [];
    const shown = $("#days .shown")?.dataset.day;
    $("#days").replaceChildren(...days.map((day) => {
      const lanes = this.week.rooms.map((room, n) => {
        const blocks = element("div.blocks");
        const lane = { room, day, blocks, box: element("div.lane", { role: "group" }, blocks) };
        lane.box.dataset.room = room.id;
        lane.box.dataset.day = day;
        lane.box.dataset.tone = n % 4;
        this.lanes.push(lane);
        return lane.box;
      });
      const heads = this.week.rooms.map((room, n) => {
        const head = element("span.room", { title: room.about ?? "" }, room.name);
        head.dataset.tone = n % 4;
        return head;
      });
      const box = element("div.day", {}, element("p.date", {}, element("b", {}, weekday(day)), ` ${date(day)}`), element("div.heads", {}, ...heads),
        element("div.lanes", {}, ...lanes));
      box.dataset.day = day;
      box.classList.toggle("today", this.week.now.startsWith(day));
      box.classList.toggle("shown", day === shown);
      return box;
    }));
  }

  #place(box, { from, to }) {
    box.style.setProperty("--from", Math.max(from, this.from) - this.from);
    box.style.setProperty("--to", Math.min(to, this.to) - this.from);
    return box;
  }

  #block(kind, piece) {
    return this.#place(element(`div.block.${kind}`), piece);
  }

  #own(piece, lane) {
    const title = piece.title || "Booked";
    const box = this.#place(element("div.block.mine", {},
      element("button.body", { type: "button", "aria-label": `${title} ${clock(piece.from)}–${clock(piece.to)}, yours: ${lane.room.name}, ${longDay(piece.day)}` },
        element("b", {}, title), " ", element("span", {}, `${clock(piece.from)}–${clock(piece.to)}`)),
      element("button.cancel", { type: "button", title: "Give back", "aria-label": `Give back: ${title}, ${longDay(piece.day)}, ${span(piece)}` },
        element("span", { "aria-hidden": "true" }, "×")),
      element("div.edge")), piece);
    box.dataset.id = piece.id;
    box.classList.toggle("short", piece.to - piece.from < 60);
    this.#mine.set(piece.id, { ...piece, box });
    return box;
  }

  mine(id) {
    return this.#mine.get(id);
  }

  lane({ room, day }) {
    return this.lanes.find((lane) => lane.room.id === room && lane.day === day);
  }

  // The lane and the minute under a point; to the nearest lane when it is outside.
  at(x, y) {
    let best = null, least = Infinity;
    for (const lane of this.lanes) {
      const box = lane.box.getBoundingClientRect();
      const far = Math.max(box.left - x, x - box.right, 0);
      if (box.width && far < least) [best, least] = [lane, far];
    }
    const box = best.box.getBoundingClientRect();
    const minute = this.from + ((y - box.top) / box.height) * (this.to - this.from);
    return { lane: best, minute: Math.min(Math.max(minute, this.from), this.to) };
  }

  // Whether it can be had, as far as the page knows: only booking it says for certain.
  isFree(place, moving = null) {
    const open = this.#free.filter((piece) => piece.room === place.room && piece.day === place.day).map(({ from, to }) => [from, to]);
    const own = moving && this.#mine.get(moving);
    if (own && own.room === place.room && own.day === place.day) open.push([own.from, own.to]);
    let reached = place.from;
    for (const [from, to] of open.sort((a, b) => a[0] - b[0])) if (from <= reached) reached = Math.max(reached, to);
    return reached >= place.to;
  }

  // The first place of so many minutes that is free.
  firstFree(length) {
    for (const lane of this.lanes) {
      const piece = this.#free.find((one) => one.room === lane.room.id && one.day === lane.day && one.to - Math.ceil(one.from / STEP) * STEP >= length);
      if (piece) {
        const from = Math.ceil(piece.from / STEP) * STEP;
        return { room: piece.room, day: piece.day, from, to: from + length };
      }
    }
    const [lane] = this.lanes;
    return { room: lane.room.id, day: lane.day, from: this.from, to: this.from + length };
  }

  // Moves something (the cursor, the ghost of a drag) to a place.
  put(box, place) {
    const lane = this.lane(place);
    if (!lane) return box.remove();
    this.#place(box, place);
    if (box.parentNode !== lane.box) lane.box.append(box);
  }

  describe({ room, day, from, to }) {
    return `${this.lane({ room, day })?.room.name}, ${longDay(day)}, ${span({ from, to })}`;
  }
}

function minutes(at) {
  return Number(at.slice(11, 13)) * 60 + Number(at.slice(14, 16));
}

function said(word, list) {
  return list.length ? `${word} ${list.map(span).join(", ")}` : `nothing ${word}`;
}
