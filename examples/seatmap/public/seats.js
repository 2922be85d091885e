// Draws the seats in the coach, and moves among them by keyboard.
import { $, element, icon } from "./shared/dom.js";

const COLUMNS = "ABCDE";

const WORDS = {
  free: "free", held: "somebody is choosing it", booked: "taken", closed: "not on sale",
  "mine-held": "held for you", mine: "yours",
};

export const clock = (left) => `${Math.floor(left / 60000)}:${String(Math.floor((left % 60000) / 1000)).padStart(2, "0")}`;

// What a seat looks like, and is called.
export const stateOf = ({ status, mine }) => (mine && status === "held" ? "mine-held" : mine ? "mine" : status);

export class Seats {
  #buttons = new Map();
  #shown = new Map();                       // what each seat shows: drawn again only when that is different
  #categories = new Map();

  // press(label) and giveBack(label) are what a visitor does to a seat.
  constructor({ press, giveBack }) {
    this.box = $("#seats");
    this.box.addEventListener("click", (event) => {
      // The second click of a double click is none of its own: it would confirm what the first one holds.
      const seat = event.target.closest(".seat");
      if (seat && event.detail < 2) press(seat.dataset.seat);
    });
    this.box.addEventListener("keydown", (event) => {
      const seat = event.target.closest(".seat");
      if (!seat) return;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (way) this.#focus(this.#neighbour(seat, way));
      else if (event.key === "Home" || event.key === "End") this.#focus([...this.#buttons.values()].at(event.key === "Home" ? 0 : -1));
      else if (event.key === "Delete" || event.key === "Backspace") giveBack(seat.dataset.seat);
      else if (event.key === "Enter" && event.repeat) return event.preventDefault();
      else return;
      event.preventDefault();
    });
  }

  // All seats of a coach: made anew when they are others than before.
  lay(seats) {
    const labels = seats.map((seat) => seat.seat);
    this.#categories = new Map(seats.map((seat) => [seat.seat, seat.category]));
    if (labels.join() === [...this.#buttons.keys()].join()) return;
    this.#shown.clear();
    this.#buttons = new Map(labels.map((label) => [label, this.#make(label)]));
    this.box.replaceChildren(...this.#buttons.values());
    const rows = new Set(labels.map((label) => parseInt(label, 10)).filter((row) => !labels.includes(`${row}C`)));
    $("#rows").replaceChildren(...[...rows].map((row) => {
      const number = element("p.number", {}, element("span.upright", {}, String(row)));
      number.style.setProperty("--row", row);
      return number;
    }));
    this.#enter([...this.#buttons.values()].find((button) => button.dataset.seat) ?? null);
  }

  #make(label) {
    const button = element("button.seat", { type: "button", tabIndex: -1 }, icon("seat"), element("span.face.upright", { "aria-hidden": "true" }));
    button.firstChild.setAttribute("class", "chair");
    button.dataset.seat = label;
    button.style.setProperty("--row", parseInt(label, 10) || 1);
    button.style.setProperty("--col", Math.max(COLUMNS.indexOf(label.at(-1)), 0));
    return button;
  }

  // Shows a seat as it is now; a countdown changes what is shown, and not what it is called.
  show(seat, left) {
    const button = this.#buttons.get(seat.seat);
    if (!button) return;
    const state = stateOf(seat), time = state === "mine-held" ? clock(left) : "", shows = `${state} ${time}`;
    const before = this.#shown.get(seat.seat);
    if (shows === before) return;
    this.#shown.set(seat.seat, shows);
    if (before?.split(" ")[0] !== state) {
      const category = this.#categories.get(seat.seat);
      button.dataset.state = state;
      button.setAttribute("aria-label", `Seat ${seat.seat}${category ? `, ${category}` : ""}, ${WORDS[state]}`);
      if (["held", "booked", "closed"].includes(state)) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
      if (before) {
        button.classList.add("changed");
        button.onanimationend = () => button.classList.remove("changed");
      }
    }
    button.querySelector(".face").dataset.time = time;
    button.querySelector(".face").replaceChildren(
      ...(state === "booked" || state === "closed" ? [icon("person")] : [seat.seat]),
      ...(state === "mine" ? [icon("check")] : []));
  }

  // The seat that Tab reaches.
  #enter(button) {
    for (const other of this.#buttons.values()) other.tabIndex = -1;
    if (button) button.tabIndex = 0;
  }

  #focus(button) {
    if (!button) return;
    this.#enter(button);
    button.focus();
  }

  // The nearest seat in a direction, as it is seen, whichever way the coach stands.
  #neighbour(from, [dx, dy]) {
    const middle = (button) => {
      const box = button.getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    };
    const [x, y] = middle(from);
    let best = null, least = Infinity;
    for (const button of this.#buttons.values()) {
      const [bx, by] = middle(button);
      const along = (bx - x) * dx + (by - y) * dy, aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
      const far = along + 2.5 * aside;
      if (along > 4 && aside <= along * 1.2 && far < least) [best, least] = [button, far];
    }
    return best;
  }
}
