// Small helpers for making elements.  Text goes in as text: nothing of what the server says becomes markup.

// element("button.quiet", { type: "button", onclick }, "Confirm", another)
export function element(what, properties = {}, ...content) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...content.filter((part) => part !== null && part !== undefined));
  return made;
}

// A drawing of the page's <symbol>s.
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg"), use = document.createElementNS(ns, "use");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

export const $ = (selector) => document.querySelector(selector);

// A message at the foot of the page, which screen readers say as well; with an action it stays longer.
let leaving = 0;
export function notice(kind, words, action = null) {
  const box = $("#notice");
  box.className = `notice ${kind}`;
  box.replaceChildren(element("p", {}, words), ...(action ? [element("button", { type: "button", onclick: () => { hideNotice(); action.run(); } }, action.name)] : []),
    element("button.close", { type: "button", "aria-label": "Close this message", onclick: hideNotice }, "×"));
  box.hidden = false;
  clearTimeout(leaving);
  leaving = setTimeout(hideNotice, kind === "no" || action ? 12000 : 5000);
}

export function hideNotice() {
  $("#notice").hidden = true;
}

// The state of the connection, at the top of the page.
const STATES = { live: "Live", away: "Reconnecting …", database: "Waiting for the database …" };
export function showState(state) {
  const box = $("#state");
  box.dataset.state = state;
  box.querySelector("span").textContent = STATES[state];
}
