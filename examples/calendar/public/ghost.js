// What would be booked: drawn where it would stand, with the reason beside it when it cannot be.
import { $, element } from "/seatmap/shared/dom.js";
import { get } from "/seatmap/shared/live.js";
import { clock, local } from "./times.js";

export class Ghost {
  #grid;
  #box = element("div.block.ghost", { "aria-hidden": "true" });
  #asked = 0;
  #timer = 0;

  constructor(grid) {
    this.#grid = grid;
  }

  show(place, moving = null) {
    this.#grid.put(this.#box, place);
    this.#box.classList.toggle("bad", !this.#grid.isFree(place, moving));
    this.#box.textContent = `${clock(place.from)}–${clock(place.to)}`;
    this.tell(place, moving);
  }

  hide() {
    this.#box.remove();
    this.#asked++;
    clearTimeout(this.#timer);
    this.say("");
  }

  // Says below the week what a place is, and asks the database why it cannot be had.
  tell(place, moving = null) {
    const words = this.#grid.describe(place), free = this.#grid.isFree(place, moving);
    const asked = ++this.#asked;
    clearTimeout(this.#timer);
    this.say(`${words}: ${free ? "free" : "not possible"}`, free ? "yes" : "no");
    if (free) return;
    this.#timer = setTimeout(async () => {
      const query = { room: place.room, from: local(place.day, place.from), to: local(place.day, place.to), ...(moving && { moving }) };
      const why = await get("api/why", query).catch(() => []);
      if (asked === this.#asked && why.length) this.say(`${words}: ${reasons(why)}`, "no");
    }, 120);
  }

  say(words, kind = "") {
    $("#hint").textContent = words;
    $("#hint").dataset.kind = kind;
  }
}

// The words of why_not(), each once; where they are numbers only, with what they are about before them.
const ABOUT = {
  booking_opening_hours: "Outside the opening hours. ", booking_duration: "Too long or too short. ", booking_notice: "Too late for that. ",
  booking_holder_limit: "That is more than one may have. ",
};
export function reasons(why) {
  return [...new Set(why.map(({ obstacle, words }) => `${ABOUT[obstacle] ?? ""}${words}`))].join(" ");
}
