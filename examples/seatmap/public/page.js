// The seat map in the browser: knows what the server has said of each seat, and asks for what the visitor wants.
import { $, notice, showState } from "./shared/dom.js";
import { Live, post, Refused, uuid } from "./shared/live.js";
import { News, Yours } from "./lists.js";
import { Seats, stateOf } from "./seats.js";

const state = new Map();                    // label: what the server said last, with the moment when it lapses here
const busy = new Set();                     // seats that something is asked for
const news = new News();
let trip = null;

// ?hold=10 asks for holds of ten seconds: for showing what happens when one lapses.
const seconds = Number(new URLSearchParams(location.search).get("hold")) || undefined;

const acts = { press, giveBack };
const seats = new Seats(acts), yours = new Yours(acts);

const leftOf = (seat) => Math.max((seat.lapses ?? 0) - performance.now(), 0);
const say = (words) => { $("#says").textContent = words; };

function learn(seat) {
  const known = { ...state.get(seat.seat), ...seat, id: seat.id, lapses: seat.left === undefined ? null : performance.now() + seat.left };
  state.set(seat.seat, known);
}

function show() {
  for (const seat of state.values()) {
    // What has lapsed is free, whether the server can be heard at the moment or not.
    if (seat.status === "held" && leftOf(seat) === 0) Object.assign(seat, { status: "free", mine: false, id: undefined, lapses: null });
    seats.show(seat, leftOf(seat));
  }
  const all = [...state.values()];
  yours.show(all, leftOf, trip?.hold ?? 120);
  $("#free").textContent = all.length ? `${all.filter((seat) => seat.status === "free").length} of ${all.length}` : "–";
}

function showTrip() {
  if (!trip) {
    $("#route").textContent = "No coach is on sale";
    return;
  }
  const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: trip.timezone, ...options });
  const day = format({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  $("#coach").textContent = trip.name;
  $("#route").textContent = trip.from ? `${trip.from} → ${trip.to}` : trip.name;
  $("#departs").textContent = day.format(new Date(trip.departs));
  $("#arrives").textContent = format({ hour: "2-digit", minute: "2-digit" }).format(new Date(trip.arrives));
  $("#stop").textContent = trip.stop ?? "–";
}

new Live("api/live", {
  state: showState,
  map(said) {
    trip = said.trip;
    state.clear();
    for (const seat of said.seats) learn(seat);
    seats.lay(said.seats);
    news.add(said.news);
    showTrip();
    show();
  },
  seats(said) {
    for (const seat of said.seats) learn(seat);
    show();
  },
  news(said) {
    news.add(said.news);
  },
});
setInterval(show, 250);

// --- what the visitor does ---

// One thing at a time for each seat; a refusal says what to do instead.
async function act(label, call) {
  if (busy.has(label)) return;
  busy.add(label);
  try {
    await call();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    notice("no", error.message);
    say(error.message);
  } finally {
    busy.delete(label);
    show();
  }
}

function press(label) {
  const seat = state.get(label);
  if (!seat || !trip) return;
  switch (stateOf(seat)) {
    case "free":
      act(label, async () => {
        await post("api/hold", { trip: trip.id, seat: label, id: uuid(), seconds });
        say(`Seat ${label} is held for you. Press it again to confirm.`);
      });
      break;
    case "mine-held":
      act(label, async () => {
        await post("api/confirm", { id: seat.id });
        notice("yes", `Seat ${label} is yours. Have a good journey!`);
        say(`Seat ${label} is yours.`);
      });
      break;
    case "mine":
      notice("yes", `Seat ${label} is yours.`, { name: "Give it back", run: () => giveBack(label) });
      break;
    default:
      notice("no", stateOf(seat) === "held" ? `Somebody is choosing seat ${label} at the moment. It may become free again.` : `Seat ${label} is taken.`);
      say($("#notice p").textContent);
  }
}

function giveBack(label) {
  const seat = state.get(label);
  if (!seat?.mine) return;
  act(label, async () => {
    await post("api/cancel", { id: seat.id });
    notice("yes", `Seat ${label} is free again.`);
    say(`Seat ${label} is free again.`);
  });
}
