// With a mouse or a pen: drag over free time to book it, a booking to move it, its lower edge to change its length.
// With a finger only bookings are dragged: elsewhere it scrolls, and taps (cursor.js).
import { $ } from "/seatmap/shared/dom.js";
import { STEP } from "./grid.js";

const NEAR = 5;                             // pixels that are no drag yet
const SLACK = 4;                            // minutes by which one may miss a line

export class Drag {
  #grid;
  #ghost;
  #done;
  #drag = null;

  // done: book(place), move(id, place), point(lane, minute) for a click
  constructor(grid, ghost, done) {
    this.#grid = grid;
    this.#ghost = ghost;
    this.#done = done;
    const days = $("#days");
    days.addEventListener("pointerdown", (event) => this.#down(event));
    days.addEventListener("pointermove", (event) => this.#move(event));
    days.addEventListener("pointerup", (event) => this.#up(event));
    days.addEventListener("pointercancel", () => this.#end());
    days.addEventListener("click", (event) => {
      if (event.target.closest(".lane") && !event.target.closest("button") && !this.#dragged) {
        const { lane, minute } = grid.at(event.clientX, event.clientY);
        done.point(lane, minute);
      }
    });
    addEventListener("keydown", (event) => event.key === "Escape" && this.#end());
  }

  #dragged = false;

  #down(event) {
    this.#dragged = false;
    if (event.button !== 0 || !event.target.closest(".lane") || event.target.closest(".cancel, .cursor")) return;
    const { lane, minute } = this.#grid.at(event.clientX, event.clientY);
    const own = event.target.closest(".mine");
    if (!own && event.pointerType === "touch") return;
    const piece = own && this.#grid.mine(own.dataset.id);
    this.#drag = {
      x: event.clientX, y: event.clientY, lane, minute, piece, pointer: event.pointerId,
      kind: !own ? "book" : event.target.closest(".edge") ? "stretch" : "move", place: null,
    };
    if (own) own.querySelector("button").focus({ preventScroll: true });
    event.preventDefault();                 // no selecting of text
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.place && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < NEAR) return;
    if (!drag.place) $("#days").setPointerCapture(event.pointerId);
    drag.place = this.#placeOf(drag, this.#grid.at(event.clientX, event.clientY));
    this.#ghost.show(drag.place, drag.piece?.id);
    drag.piece?.box.classList.add("lifted");
  }

  #placeOf(drag, { lane, minute }) {
    const { from: first, to: last } = this.#grid;
    const nearest = (m) => Math.round(m / STEP) * STEP;
    if (drag.kind === "book") {
      const [a, b] = [Math.min(drag.minute, minute), Math.max(drag.minute, minute)];
      const from = Math.floor((a + SLACK) / STEP) * STEP;
      return { room: drag.lane.room.id, day: drag.lane.day, from, to: Math.min(Math.max(Math.ceil((b - SLACK) / STEP) * STEP, from + STEP), last) };
    }
    const { room, day, from, to } = drag.piece;
    if (drag.kind === "stretch") return { room, day, from, to: Math.min(Math.max(nearest(minute), from + STEP), last) };
    const length = to - from;
    const begins = Math.min(Math.max(nearest(from + minute - drag.minute), first), last - length);
    return { room: lane.room.id, day: lane.day, from: begins, to: begins + length };
  }

  #up(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.pointer) return;
    this.#dragged = drag.place !== null;
    this.#end();
    if (!drag.place) return;
    if (drag.kind === "book") this.#done.book(drag.place);
    else this.#done.move(drag.piece.id, drag.place);
  }

  #end() {
    if (!this.#drag) return;
    this.#drag.piece?.box.classList.remove("lifted");
    this.#drag = null;
    this.#ghost.hide();
  }
}
