// Times as the rooms' clocks show them: "2030-01-07T09:00".  Of what is on the screen: a day, and minutes of it.
//
// A place is { room, day, from, to }: a room's id, a date, and two numbers of minutes.
const DAY = 86400000;

const dateOf = (day) => new Date(`${day}T00:00:00Z`);
const two = (n) => String(n).padStart(2, "0");

export const addDays = (day, n) => new Date(dateOf(day).getTime() + n * DAY).toISOString().slice(0, 10);
export const clock = (minutes) => `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;

// Midnight is the end of a day, or the beginning of the next.
export const local = (day, minutes) => (minutes === 1440 ? `${addDays(day, 1)}T00:00` : `${day}T${clock(minutes)}`);
export const minutesOf = (at) => Number(at.slice(11, 13)) * 60 + Number(at.slice(14, 16));

// A period, as pieces of the days that it touches.
export function pieces({ from, to, ...rest }) {
  const made = [];
  for (let day = from.slice(0, 10); day <= to.slice(0, 10); day = addDays(day, 1)) {
    const piece = { ...rest, day, from: from.startsWith(day) ? minutesOf(from) : 0, to: to.startsWith(day) ? minutesOf(to) : 1440 };
    if (piece.to > piece.from) made.push(piece);
  }
  return made;
}

const format = (options) => {
  const made = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
  return (day) => made.format(dateOf(day));
};
export const weekday = format({ weekday: "short" });
export const date = format({ day: "numeric", month: "short" });
export const longDay = format({ weekday: "long", day: "numeric", month: "long" });
export const year = format({ year: "numeric" });
export const span = ({ from, to }) => `${clock(from)} to ${clock(to)}`;
