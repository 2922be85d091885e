// With the keyboard, or by tapping: a button that is moved over the week, and books where it stands; and own bookings
// that are picked up, moved by the same keys, and put down.
import { $, element } from "/seatmap/shared/dom.js";
import { STEP } from "./grid.js";
import { clock, longDay } from "./times.js";

export class Cursor {
  #grid;
  #ghost;
  #acts;
  #place = null;
  #button = element("button.block.cursor", { type: "button" });
  #carried = null;                          // { id, place }: a booking that is picked up

  // acts: book(place), move(id, place), cancel(id), say(words)
  constructor(grid, ghost, acts) {
    this.#grid = grid;
    this.#ghost = ghost;
    this.#acts = acts;
    this.#button.addEventListener("click", () => this.#book());
    this.#button.addEventListener("focus", () => ghost.tell(this.#place));
    const days = $("#days");
    days.addEventListener("keydown", (event) => {
      const own = event.target.closest(".mine");
      if (event.target === this.#button) this.#steer(event);
      else if (own && event.target.matches(".body")) this.#carry(event, own.dataset.id);
    });
    days.addEventListener("focusout", () => this.#carried && setTimeout(() => {
      if (!document.activeElement?.closest(".mine")) this.#drop();
    }));
    days.addEventListener("click", (event) => {
      const own = event.target.closest(".mine");
      if (own && event.target.closest(".cancel")) acts.cancel(own.dataset.id);
    });
  }

  // Draws a week.  Afterwards it stands where it stood, with the focus if it had it, whether or not its lane is new.
  keep(draw) {
    const focused = document.activeElement === this.#button;
    draw();
    if (!this.#place || !this.#grid.lane(this.#place)) this.#place = this.#grid.firstFree(60);
    this.#show(focused);
  }

  // To where the pointer was.
  point(lane, minute) {
    const length = this.#place ? this.#place.to - this.#place.from : 60;
    const from = Math.min(Math.floor(minute / STEP) * STEP, this.#grid.to - length);
    this.#place = { room: lane.room.id, day: lane.day, from, to: from + length };
    this.#button.classList.add("placed");
    this.#show();
    this.#button.focus({ preventScroll: true });
    this.#ghost.tell(this.#place);
  }

  // What has been booked has the focus then, to be moved on or given back.
  async #book() {
    const id = await this.#acts.book(this.#place);
    const own = id && this.#grid.mine(id);
    if (!own) return;
    this.#button.classList.remove("placed");
    own.box.querySelector("button").focus({ preventScroll: true });
    this.#ghost.hide();
  }

  #show(focused = document.activeElement === this.#button) {
    this.#grid.put(this.#button, this.#place);
    const free = this.#grid.isFree(this.#place);
    this.#button.classList.toggle("bad", !free);
    const word = free ? "Book" : "Why not?", time = `${clock(this.#place.from)}–${clock(this.#place.to)}`, { room, day } = this.#grid.lane(this.#place);
    this.#button.replaceChildren(element("b", {}, word), " ", element("span", {}, time));
    this.#button.setAttribute("aria-label", `${word} ${time}, ${room.name}, ${longDay(day)}`);
    if (focused) this.#button.focus({ preventScroll: true });
  }

  #steer(event) {
    const next = this.#stepped(this.#place, event);
    if (!next) return;
    event.preventDefault();
    this.#place = next;
    this.#show();
    this.#button.focus();
    this.#button.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#ghost.tell(next);
  }

  // Enter picks a booking up and puts it down, Escape leaves it where it was.
  #carry(event, id) {
    const carried = this.#carried?.id === id ? this.#carried : null;
    if (event.key === "Delete" || event.key === "Backspace") {
      this.#drop();
      this.#acts.cancel(id);
    } else if (event.key === "Enter" || event.key === " ") {
      if (event.repeat) return event.preventDefault();
      if (carried) {
        this.#drop();
        this.#acts.move(id, carried.place);
      } else {
        const { room, day, from, to } = this.#grid.mine(id);
        this.#carried = { id, place: { room, day, from, to } };
        this.#ghost.show(this.#carried.place, id);
        this.#acts.say("Picked up. Arrows move it, Enter puts it down, Escape leaves it where it was.");
      }
    } else if (event.key === "Escape" && carried) {
      this.#drop();
      this.#acts.say("It stays where it was.");
    } else {
      const next = carried && this.#stepped(carried.place, event);
      if (!next) return;
      carried.place = next;
      this.#ghost.show(next, id);
      this.#acts.say(this.#grid.describe(next));
    }
    event.preventDefault();
  }

  #drop() {
    this.#carried = null;
    this.#ghost.hide();
  }

  // A place, one key further; nothing for another key.
  #stepped(place, { key, shiftKey }) {
    const { from: first, to: last, lanes } = this.#grid;
    const length = place.to - place.from, at = lanes.indexOf(this.#grid.lane(place));
    const within = (from) => {
      const begins = Math.min(Math.max(from, first), last - length);
      return { ...place, from: begins, to: begins + length };
    };
    switch (key) {
      case "ArrowDown":
        return shiftKey ? { ...place, to: Math.min(place.to + STEP, last) } : within(place.from + STEP);
      case "ArrowUp":
        return shiftKey ? { ...place, to: Math.max(place.to - STEP, place.from + STEP) } : within(place.from - STEP);
      case "ArrowLeft":
      case "ArrowRight": {
        const lane = lanes[at + (key === "ArrowLeft" ? -1 : 1)];
        return lane ? { ...place, room: lane.room.id, day: lane.day } : place;
      }
      case "Home":
        return within(first);
      case "End":
        return within(last - length);
      default:
        return null;
    }
  }
}
