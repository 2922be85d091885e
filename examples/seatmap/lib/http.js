// Requests and answers: files, JSON in and out, and what a page of another site may not do.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};
const LONGEST = 10000;                      // bytes of a request's body

// Only our own files, no frames, no inline script: a label that is no text of ours cannot become one.
const HEADERS = {
  "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
};

// A request that is wrong in itself, with the status that says how.
export class Wrong extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function harden(response) {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
}

export function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

// The body of a POST.  Another site's page can send one with our visitor's cookie only as a form, which is no JSON,
// or says where it comes from.
export async function bodyOf(request) {
  const { origin, host } = request.headers;
  if (origin && origin.replace(/^https?:\/\//, "") !== host) throw new Wrong(403, "from another site");
  if (!/^application\/json\b/.test(request.headers["content-type"] ?? "")) throw new Wrong(415, "JSON only");
  let text = "";
  request.setEncoding("utf8");
  for await (const part of request) {
    text += part;
    if (text.length > LONGEST) throw new Wrong(413, "too long");
  }
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return body;
  } catch {
    // said below
  }
  throw new Wrong(400, "a JSON object is wanted");
}

// What a body must contain: a text of a certain shape.
export function text(body, name, shape) {
  if (typeof body[name] !== "string" || !shape.test(body[name])) throw new Wrong(422, `${name} is missing or malformed`);
  return body[name];
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

// A file below a folder, and nothing above it.
export async function file(folder, path, request, response) {
  let name;
  try {
    name = normalize(join(folder, decodeURIComponent(path)));
  } catch {
    throw new Wrong(400, "no such address");
  }
  if (!name.startsWith(folder + sep) || name.includes("\0")) throw new Wrong(404, "not here");
  const type = TYPES[extname(name)];
  const found = type && await stat(name).catch(() => null);
  if (!found?.isFile()) throw new Wrong(404, "not here");
  response.writeHead(200, { "content-type": type, "content-length": found.size, "cache-control": "no-cache" });
  if (request.method === "HEAD") response.end();
  else createReadStream(name).on("error", () => response.destroy()).pipe(response);
}
