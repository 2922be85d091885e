// Refusals, in words for people.
//
// The extension says in DETAIL and HINT what is in the way and what would do, and names no holder.  Here its periods and
// times are only written shorter: ["2030-01-07 17:00:00+01","2030-01-07 17:30:00+01") is Mon 7 Jan 17:00 to 17:30.
const TIME = String.raw`(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d):\d\d(?:\.\d+)?[+-]\d\d(?::\d\d)?`;
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function day(year, month, date) {
  const at = new Date(Date.UTC(year, month - 1, date));
  return `${DAYS[at.getUTCDay()]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
}

// Times in a text of the extension, which are in the clock of the connection.
export function plain(words) {
  return words
    .replace(/ ?Refused by constraint "[^"]*"\./, "")
    .replace(new RegExp(String.raw`\["${TIME}","${TIME}"\)`, "g"), (_, ...t) => {
      const [from, to] = [day(...t.slice(0, 3)), day(...t.slice(4, 7))];
      return `${from} ${t[3]} to ${from === to ? "" : `${to} `}${t[7]}`;
    })
    .replace(new RegExp(`"?${TIME}"?`, "g"), (_, y, m, d, clock) => `${day(y, m, d)} ${clock}`)
    .replace(/\b(\d{4})-(\d\d)-(\d\d)\b/g, (_, y, m, d) => day(y, m, d))
    .replace(/\b(\d\d:\d\d):\d\d(\.\d+)?\b/g, "$1")
    .replace(/ \([A-Z][A-Za-z]+\/[A-Za-z_/]+\)/g, "")
    .replace(/\.  /g, ". ");
}

// The HTTP status of a refusal by its SQLSTATE (docs/clients.md); nothing for what is a mistake of the program.
export function statusOf({ code = "" }) {
  if (["23P01", "23505", "55000"].includes(code)) return 409;
  if (code === "42704") return 404;
  if (code === "23514" || code.startsWith("22")) return 422;
  if (code === "55P03" || code === "25006") return 503;
  return undefined;
}

// An error of the extension as an answer: by what it was refused, and in which words.
export function refusal(error) {
  const words = [error.detail, error.hint].filter(Boolean).map(plain).join(" ");
  return { by: error.constraint ?? error.code, words: words || plain(error.message) };
}
