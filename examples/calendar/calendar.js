// A week of rooms: what a browser may know, and what it may do.
//
// Times travel as the rooms' clocks show them (2030-01-07T09:00); booking.local_period() makes periods of them.  What
// is taken comes from booking.usage(), what can be had from booking.free_periods() and booking.find_slots(), and why
// something cannot from booking.why_not().  Names are read of the visitor's own bookings only.
import { text, UUID, Wrong } from "../seatmap/lib/http.js";
import { ANY, Journal } from "../seatmap/lib/journal.js";
import { Audience } from "../seatmap/lib/stream.js";
import { plain, refusal, statusOf } from "../seatmap/lib/words.js";

const CATEGORY = "room";
const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/, DATE = /^\d{4}-\d\d-\d\d$/, ID = /^\d{1,18}$/;

const shown = (period) => `
  to_char(lower(${period}) AT TIME ZONE r.timezone, 'YYYY-MM-DD"T"HH24:MI') AS "from",
  to_char(upper(${period}) AT TIME ZONE r.timezone, 'YYYY-MM-DD"T"HH24:MI') AS "to"`;
const WEEK = "booking.local_period(r.id, $1::date::timestamp, $1::date + interval '7 days')";
const PERIOD = "booking.local_period($1::bigint, $2::timestamp, $3::timestamp)";

const ROOMS = `
  SELECT r.id, r.name, r.data ->> 'about' AS about, to_char(now() AT TIME ZONE r.timezone, 'YYYY-MM-DD"T"HH24:MI') AS now,
    (SELECT min(extract(hour FROM opens))::int FROM booking.opening_hours AS o WHERE o.resource_id = r.id) AS opens,
    (SELECT max(ceil(extract(epoch FROM closes) / 3600))::int FROM booking.opening_hours AS o WHERE o.resource_id = r.id) AS closes
  FROM booking.resource AS r WHERE r.category = $1 AND r.retired_at IS NULL ORDER BY r.id`;
const BUSY = `
  SELECT r.id AS room, ${shown("u.period")}
  FROM booking.resource AS r CROSS JOIN LATERAL booking.usage(r.id, ${WEEK}) AS u
  WHERE r.category = $2 AND u.used > 0 ORDER BY r.id, u.period`;
const FREE = `
  SELECT r.id AS room, ${shown("f.period")}
  FROM booking.resource AS r CROSS JOIN LATERAL booking.free_periods(r.id, ${WEEK}) AS f(period)
  WHERE r.category = $2 ORDER BY r.id, f.period`;
const MINE = `
  SELECT r.id AS room, b.id, b.version, b.data ->> 'title' AS title, ${shown("b.period")}
  FROM booking.current AS b JOIN booking.resource AS r ON r.id = b.resource_id
  WHERE r.category = $2 AND b.holder = $3::text AND b.period && ${WEEK} ORDER BY b.period, r.id`;
const FIND = `
  SELECT r.id AS room, ${shown("f.period")}
  FROM booking.find_slots(
      (SELECT tstzrange(greatest(lower(within), now()), greatest(upper(within), now()))
       FROM (SELECT ${WEEK} AS within FROM booking.resource AS r WHERE r.category = $2 LIMIT 1) AS week),
      make_interval(mins => $3::integer), category => $2, step => '30 minutes', max_results => 5) AS f
  JOIN booking.resource AS r ON r.id = f.resource_id ORDER BY lower(f.period), r.id`;

// What is in the way of a booking, or of moving one: that is never in its own way.
const WHY = `
  SELECT w.obstacle, w.detail, ${shown("w.during")}
  FROM booking.resource AS r CROSS JOIN LATERAL booking.why_not(r.id, ${PERIOD}, $4::text) AS w
  WHERE r.id = $1::bigint AND r.category = $5
    AND NOT EXISTS (SELECT FROM booking.booking AS b
      WHERE b.id = $6::uuid AND b.resource_id = r.id AND w.during <@ b.occupies AND w.obstacle = 'booking_no_overlap')`;

export class Calendar {
  #ask;
  #journal;
  #audience;

  constructor(ask, journal) {
    this.#ask = ask;
    this.#journal = journal;
    this.#audience = new Audience(journal);
    journal.tell(this);
  }

  gets = {
    week: async (query, holder) => {
      const monday = await this.#monday(query.get("monday"));
      const [rooms, busy, free, mine] = await Promise.all([
        this.#ask(ROOMS, CATEGORY), this.#ask(BUSY, monday, CATEGORY), this.#ask(FREE, monday, CATEGORY), this.#ask(MINE, monday, CATEGORY, holder),
      ]);
      return { monday, now: rooms[0]?.now, rooms, busy, free, mine };
    },
    find: async (query) => {
      const minutes = Number(query.get("minutes"));
      if (!Number.isInteger(minutes) || minutes < 1 || minutes > 1440) throw new Wrong(422, "minutes is missing or malformed");
      return this.#ask(FIND, await this.#monday(query.get("monday")), CATEGORY, minutes);
    },
    why: (query, holder) => this.#why(where(Object.fromEntries(query)), holder, query.get("moving")),
  };

  posts = {
    book: async (body, holder) => {
      const [room, from, to] = where(body), id = text(body, "id", UUID), title = text(body, "title", /^.{0,80}$/u);
      try {
        const [booked] = await this.#ask(`SELECT id, version FROM booking.book_slot($1::bigint, ${PERIOD}, $4::text, id => $5::uuid,
          data => jsonb_build_object('title', $6::text))`, await this.#room(room), from, to, holder, id, title);
        return booked;
      } catch (error) {
        throw await this.#explained(error, [room, from, to], holder, null);
      }
    },
    move: async (body, holder) => {
      const [room, from, to] = where(body), id = text(body, "id", UUID), version = Number(text(body, "version", /^\d{1,9}$/));
      try {
        const [moved] = await this.#ask(`
          SELECT done.id, done.version FROM booking.booking AS b, booking.resource AS r,
            LATERAL booking.reschedule(b.id, ${PERIOD}, expected_version => $4::integer, resource => r.name) AS done
          WHERE r.id = $1::bigint AND b.id = $5::uuid AND b.holder = $6::text`, await this.#room(room), from, to, version, id, holder);
        return moved ?? notYours();
      } catch (error) {
        // A move that is repeated, because its answer was lost, finds the version that it has made itself.
        const [done] = error.constraint === "booking_version" ? await this.#ask(`
          SELECT id, version FROM booking.booking WHERE id = $4::uuid AND holder = $5::text AND version = $6::integer + 1
            AND resource_id = $1::bigint AND period = ${PERIOD}`, room, from, to, id, holder, version) : [];
        return done ?? Promise.reject(await this.#explained(error, [room, from, to], holder, id));
      }
    },
    cancel: async (body, holder) => {
      const [gone] = await this.#ask(`
        SELECT done.id, done.status FROM booking.booking AS b CROSS JOIN LATERAL booking.cancel(b.id, 'given back in the calendar') AS done
        WHERE b.id = $1::uuid AND b.holder = $2::text`, text(body, "id", UUID), holder);
      return gone ?? notYours();
    },
  };

  // The Monday of a date, or of the week in which one would book now: on a Saturday that is the next.
  async #monday(date) {
    if (date && !DATE.test(date)) throw new Wrong(422, "monday is missing or malformed");
    const [{ monday }] = await this.#ask(`SELECT to_char(date_trunc('week', coalesce($1::date::timestamp, localtimestamp + '2 days')), 'YYYY-MM-DD')
      AS monday`, date);
    return monday;
  }

  // Only what the calendar shows can be booked here.
  async #room(id) {
    const [room] = await this.#ask("SELECT id FROM booking.resource WHERE id = $1::bigint AND category = $2", id, CATEGORY);
    return room?.id ?? Promise.reject(new Wrong(404, "There is no such room."));
  }

  async #why(at, holder, moving) {
    if (moving && !UUID.test(moving)) throw new Wrong(422, "moving is malformed");
    const rows = await this.#ask(WHY, ...at, holder, CATEGORY, moving);
    return rows.map(({ obstacle, detail, from, to }) => ({ obstacle, from, to, words: plain(detail) }));
  }

  // A refusal, with everything that is in the way.
  async #explained(error, at, holder, moving) {
    if (!statusOf(error) || error.constraint === "booking_version") return error;
    const why = await this.#why(at, holder, moving).catch(() => []);
    return Object.assign(new Wrong(statusOf(error), refusal(error).words), { by: error.constraint ?? error.code, why });
  }

  // --- what happens ---

  found() {
    this.#audience.tell(() => ["database", { reachable: true }]);
  }

  lost() {
    this.#audience.tell(() => ["database", { reachable: false }]);
  }

  async changed(events, resources, cursor) {
    const rooms = (await this.#ask(ROOMS, CATEGORY)).map((room) => room.id).filter((id) => resources.has(id) || resources.has(ANY));
    if (rooms.length) this.#audience.tell(() => ["changed", { rooms }, cursor]);
  }

  // The browser reads its week once it listens, and whenever something has changed: of what it missed it need only
  // hear that there is something.
  live(request, response, holder) {
    return this.#audience.join(request, response, holder, async (cursor) => {
      if (this.#journal.cursor === null) throw new Error("not there yet");
      const reached = this.#journal.cursor;
      const events = cursor ? await Journal.since(cursor, this.#ask) : null;
      const rooms = events ? [...new Set(events.map((event) => event.resource_id))] : null;
      return [["hello", { rooms }, events ? events.at(-1)?.cursor ?? cursor : reached]];
    });
  }

  close() {
    this.#audience.close();
  }
}

function where(body) {
  return [text(body, "room", ID), text(body, "from", LOCAL), text(body, "to", LOCAL)];
}

function notYours() {
  throw new Wrong(404, "This is not a booking of yours.");
}
