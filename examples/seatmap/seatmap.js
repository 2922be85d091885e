// The seats of the next coach: what a browser may know, and what it may do.
//
// The state of the seats is read from booking.seat_map() whenever something has happened to the coach, and what is
// different goes to the browsers.  A browser hears of a seat whether it is free, held or booked, and whether it is
// its own; which other visitor has it never leaves this file.
import { Wrong, text, UUID } from "./lib/http.js";
import { ANY, Journal } from "./lib/journal.js";
import { Audience } from "./lib/stream.js";

const HOLD = 120;                           // seconds; a browser may ask for less
// Milliseconds: departures and closures are no events of bookings, and a hold may lapse before it has been read here, or
// be passed over by a sweep because another transaction has it just then.
const SOMETIMES = 20000;

const TRIP = `
  SELECT s.id, s.resource_id, r.name, r.timezone, lower(s.period) AS departs, upper(s.period) AS arrives,
    r.data ->> 'from' AS "from", r.data ->> 'to' AS "to", r.data ->> 'stop' AS stop
  FROM booking.slot AS s JOIN booking.resource AS r ON r.id = s.resource_id
  WHERE r.category = 'coach' AND NOT s.closed AND lower(s.period) > now()
  ORDER BY lower(s.period), s.id LIMIT 1`;

const SEATS = `
  SELECT m.seat, m.category, m.status, extract(epoch FROM m.expires_at - clock_timestamp()) * 1000 AS left, b.id, b.holder
  FROM booking.seat_map($1::bigint) WITH ORDINALITY AS m(seat, category, status, expires_at, n)
  LEFT JOIN booking.current AS b ON b.slot_id = $1::bigint AND b.seat = m.seat
  ORDER BY m.n`;

// Only the visitor's own booking: of another's there is no row, and nothing happens.
const own = (call) => `
  SELECT done.id, done.status FROM booking.booking AS b CROSS JOIN LATERAL ${call} AS done
  WHERE b.id = $1::uuid AND b.holder = $2::text`;

export class SeatMap {
  #ask;
  #journal;
  #audience;
  #trip = null;
  #known = false;                           // the seats have been read once
  #seats = new Map();
  #reading = Promise.resolve();
  #next = null;
  #lapse = null;
  #sometimes = setInterval(() => this.#sweep(), SOMETIMES);
  #reachable = true;

  constructor(ask, journal) {
    this.#ask = ask;
    this.#journal = journal;
    this.#audience = new Audience(journal);
    journal.tell(this);
  }

  gets = {};

  posts = {
    hold: async (body, holder) => {
      const seat = text(body, "seat", /^.{1,20}$/), id = text(body, "id", UUID), trip = text(body, "trip", /^\d{1,18}$/);
      const seconds = Number.isInteger(body.seconds) ? Math.min(Math.max(body.seconds, 1), HOLD) : HOLD;
      if (!this.#trip) await this.refresh();
      if (trip !== this.#trip?.id) throw new Wrong(409, "This coach is not on sale any more. Please load the page again.");
      try {
        const [hold] = await this.#ask(`SELECT id, status FROM booking.book_place($1::bigint, $2::text, seat => $3::text,
          hold_for => make_interval(secs => $4), id => $5::uuid)`, trip, holder, seat, seconds, id);
        return hold;
      } catch (error) {
        throw this.#kindly(error, seat);
      }
    },
    confirm: (body, holder) => this.#own("booking.confirm(b.id)", body, holder),
    cancel: (body, holder) => this.#own("booking.cancel(b.id, 'given back on the seat map')", body, holder),
  };

  async #own(call, body, holder) {
    const [done] = await this.#ask(own(call), text(body, "id", UUID), holder).catch((error) => { throw this.#kindly(error); });
    if (!done) throw new Wrong(404, "This is not a seat of yours.");
    return done;
  }

  // A refusal is an answer: what to do now, by the constraint that refused.
  #kindly(error, seat) {
    const words = {
      booking_no_overlap: seat && `Seat ${seat} has just been taken by somebody else.${this.#instead(seat)}`,
      booking_capacity: "The coach is full. A seat may become free when a hold lapses.",
      booking_holder_limit: "Four seats are the most for one traveller. Give one back to choose another.",
      booking_status: "The time was up, and the seat is free again. Choose it once more if nobody has it.",
      booking_notice: "This coach has left.",
    }[error.constraint];
    return words ? Object.assign(new Wrong(409, words), { by: error.constraint }) : error;
  }

  #instead(wanted = "") {
    const row = wanted.match(/^\d*/)[0], category = this.#seats.get(wanted)?.category;
    const free = [...this.#seats.values()].filter((seat) => seat.status === "free" && seat.seat !== wanted && seat.seat.match(/^\d*/)[0] === row);
    const seat = free.find((one) => one.category === category) ?? free[0];
    return seat ? ` ${seat.seat} in the same row is free.` : "";
  }

  // --- what happens ---

  async found() {
    await this.refresh();
    this.#say(true);
  }

  lost() {
    this.#say(false);
  }

  async changed(events, resources, cursor) {
    if (this.#trip && !resources.has(this.#trip.resource_id) && !resources.has(ANY)) return;
    await this.refresh();
    const news = events.filter((event) => event.slot_id === this.#trip?.id);
    this.#audience.tell(({ holder }) => ["news", { news: news.map((event) => newsOf(event, holder)) }, cursor]);
  }

  // Reads the seats once more, one reading after the other, and not more often than is asked for.
  refresh() {
    this.#next ??= this.#reading.catch(() => {}).then(() => {
      this.#next = null;
      this.#reading = this.#read();
      return this.#reading;
    });
    return this.#next;
  }

  async #read() {
    const [trip] = await this.#ask(TRIP);
    const rows = trip ? await this.#ask(SEATS, trip.id) : [];
    const now = performance.now();
    const before = this.#seats, moved = trip?.id !== this.#trip?.id;
    this.#trip = trip ?? null;
    this.#known = true;
    this.#seats = new Map(rows.map(({ left, ...seat }) => [seat.seat, { ...seat, lapses: left === null ? null : now + Number(left) }]));
    if (moved) {
      this.#audience.tell(({ holder }) => ["map", this.#map(holder, [])]);
    } else {
      const changed = [...this.#seats.values()].filter((seat) => differs(seat, before.get(seat.seat)));
      if (changed.length) this.#audience.tell(({ holder }) => ["seats", { seats: changed.map((seat) => seatOf(seat, holder)) }]);
    }
    this.#watch(now);
  }

  // The next hold that lapses is swept on time.  The seat is free without that; this tells the browsers, and the journal.
  #watch(now) {
    clearTimeout(this.#lapse);
    const lapses = [...this.#seats.values()].map((seat) => seat.lapses).filter((at) => at !== null);
    if (!lapses.length) return;
    this.#lapse = setTimeout(() => this.#sweep(), Math.max(Math.min(...lapses) - now, 0) + 10);
  }

  async #sweep() {
    try {
      await this.#ask("SELECT booking.expire_holds()");
      await this.refresh();
    } catch {
      // no database: found() reads it all again
    }
  }

  #say(reachable) {
    if (reachable === this.#reachable) return;
    this.#reachable = reachable;
    this.#audience.tell(() => ["database", { reachable }]);
  }

  // --- what a browser is told ---

  live(request, response, holder) {
    return this.#audience.join(request, response, holder, async (cursor) => {
      if (this.#journal.cursor === null || !this.#known) throw new Error("not there yet");
      const reached = this.#journal.cursor;
      const events = cursor ? await Journal.since(cursor, this.#ask) : null;
      const news = events?.filter((event) => event.slot_id === this.#trip?.id) ?? [];
      const messages = [["map", this.#map(holder, news), events ? events.at(-1)?.cursor ?? cursor : reached]];
      return this.#reachable ? messages : [...messages, ["database", { reachable: false }]];
    });
  }

  #map(holder, events) {
    const { id, name, from, to, stop, timezone, departs, arrives } = this.#trip ?? {};
    return {
      trip: this.#trip && { id, name, from, to, stop, timezone, departs, arrives, hold: HOLD },
      seats: [...this.#seats.values()].map((seat) => ({ category: seat.category, ...seatOf(seat, holder) })),
      news: events.map((event) => newsOf(event, holder)),
    };
  }

  close() {
    clearTimeout(this.#lapse);
    clearInterval(this.#sometimes);
    this.#audience.close();
  }
}

function differs(seat, before) {
  return seat.status !== before?.status || seat.id !== before.id || Math.abs((seat.lapses ?? 0) - (before.lapses ?? 0)) > 500;
}

function seatOf({ seat, status, id, holder: theirs, lapses }, holder) {
  const mine = theirs === holder;
  return {
    seat, status, mine, ...(mine && { id }),
    ...(lapses !== null && { left: Math.max(Math.round(lapses - performance.now()), 0) }),
  };
}

function newsOf({ cursor, at, kind, seat, holder: theirs }, holder) {
  return { cursor, at, kind, seat, mine: theirs === holder };
}
