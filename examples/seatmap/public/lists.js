// What stands below the coach: the visitor's own seats with their countdowns, and what has just happened.
import { $, element } from "./shared/dom.js";
import { clock, stateOf } from "./seats.js";

const LATE = 20000, LINES = 6;

// Own seats; a line is kept while its seat is there, so that its buttons keep the focus.
export class Yours {
  #lines = new Map();
  #confirm;
  #giveBack;

  constructor({ press, giveBack }) {
    this.#confirm = press;
    this.#giveBack = giveBack;
  }

  show(seats, leftOf, hold) {
    const mine = seats.filter((seat) => seat.mine);
    $("#none").hidden = mine.length > 0;
    $(".yours").classList.toggle("some", mine.length > 0);
    for (const [key, line] of this.#lines) {
      if (!mine.some((seat) => keyOf(seat) === key)) {
        line.remove();
        this.#lines.delete(key);
      }
    }
    for (const seat of mine) {
      const line = this.#lines.get(keyOf(seat)) ?? this.#add(seat);
      if (seat.status !== "held") continue;
      const left = leftOf(seat);
      line.querySelector(".time").textContent = clock(left);
      line.classList.toggle("late", left < LATE);
      line.style.setProperty("--part", Math.min(left / (hold * 1000), 1));
    }
  }

  #add(seat) {
    const held = stateOf(seat) === "mine-held";
    const line = element("li", {},
      element("span.name", {}, seat.seat),
      element("span.what", {}, ...(held ? [element("span.long", {}, "held for you, "), element("span.time"), " left"] : ["booked"])),
      held ? element("button.act", { type: "button", "aria-label": `Confirm seat ${seat.seat}`, onclick: () => this.#confirm(seat.seat) }, "Confirm") : null,
      element("button.act.quiet", { type: "button", "aria-label": `Give back seat ${seat.seat}`, onclick: () => this.#giveBack(seat.seat) }, "Give back"),
      held ? element("span.bar", {}, element("span")) : null);
    this.#lines.set(keyOf(seat), line);
    $("#yours").append(line);
    return line;
  }
}

const keyOf = (seat) => `${seat.id} ${seat.status}`;

const KINDS = {
  held: "somebody is choosing", offered: "offered to somebody", confirmed: "taken", cancelled: "given back, free again",
  expired: "time was up, free again", deleted: "free again",
};
const OWN = { held: "held for you", confirmed: "yours", cancelled: "you gave it back", expired: "your time was up" };

// News may come twice after a lost connection: the cursor of each is known.
export class News {
  #known = new Set();

  add(news) {
    const fresh = news.filter(({ cursor, kind, seat }) => !this.#known.has(cursor) && this.#known.add(cursor) && seat && KINDS[kind]);
    for (const { at, kind, seat, mine } of fresh) {
      const time = element("time", { dateTime: at }, new Date(at).toLocaleTimeString("en-GB"));
      $("#news").prepend(element("li", {}, time, element("span", {}, element("b", {}, seat), ` ${(mine && OWN[kind]) || KINDS[kind]}`)));
    }
    while ($("#news").children.length > LINES) $("#news").lastChild.remove();
    $("#quiet").hidden = $("#news").children.length > 0;
  }
}
