// A visitor is a random cookie, made at the first visit.  There is no login.
//
// The holder in the database is made from the cookie, and the cookie cannot be made from the holder: whoever reads
// the bookings cannot act as one of the visitors.
import { createHash, randomBytes } from "node:crypto";

const NAME = "visitor";
const SHAPE = /^[A-Za-z0-9_-]{22}$/;        // 128 random bits

// The holder of a request; a visitor without a cookie gets one with the answer.
export function holderOf(request, response) {
  let secret = (request.headers.cookie ?? "").split(/;\s*/)
    .filter((pair) => pair.startsWith(`${NAME}=`)).map((pair) => pair.slice(NAME.length + 1)).find((value) => SHAPE.test(value));
  if (!secret) {
    secret = randomBytes(16).toString("base64url");
    response.setHeader("set-cookie", `${NAME}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000`);
  }
  return `visitor ${createHash("sha256").update(secret).digest("base64url").slice(0, 22)}`;
}
