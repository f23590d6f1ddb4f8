// What makes elements. Text always goes in as text, so nothing that a server says becomes markup.

/** el makes an element: el("p", {class: "dim", onclick: f}, "text", child). */
export function el(name, attributes = {}, ...children) {
  const made = name === "svg" || name === "polyline"
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return made;
}

const relative = new Intl.RelativeTimeFormat(undefined, {style: "narrow"});

/** when tells a time as one that is near: "3 min. ago", with the exact one to see by pointing at it. */
export function when(text) {
  if (!text) return "";
  const at = new Date(text);
  const seconds = (at - Date.now()) / 1000;
  const far = Math.abs(seconds);
  const [n, unit] = far < 90 ? [seconds, "second"] : far < 5400 ? [seconds / 60, "minute"]
    : far < 129600 ? [seconds / 3600, "hour"] : [seconds / 86400, "day"];
  return el("time", {datetime: text, title: at.toLocaleString()}, relative.format(Math.round(n), unit));
}

/** clock tells a time of day, with the date where it is not today. */
export function clock(text) {
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  return el("time", {datetime: text}, today ? at.toLocaleTimeString() : at.toLocaleString());
}

/** state is a state in words, with a sign and a colour that go with it. */
export function state(name) {
  const [sign, tone] = {healthy: ["✔", "good"], unhealthy: ["✘", "bad"]}[name] ?? ["?", "warn"];
  return el("span", {class: tone}, `${sign} ${name}`);
}

/** percent writes odds: 1/3 is "33.3 %". */
export function percent(odds) {
  return `${(odds * 100).toFixed(odds * 100 % 1 ? 1 : 0)} %`;
}

/** spark draws the last durations, all on the scale from zero to the longest. */
export function spark(values) {
  if (!values || values.length < 2) return "";
  const top = Math.max(...values, 0.001);
  const points = values.map((v, i) => `${i / (values.length - 1) * 100},${20 - v / top * 18}`).join(" ");
  const label = `the last ${values.length} probes took ${Math.min(...values).toFixed(1)} to ${top.toFixed(1)} ms`;
  return el("svg", {class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", role: "img", "aria-label": label},
    el("polyline", {points}));
}

const focusable = "button, summary";

/** place tells which of the focusable elements of which row has the focus, if one of target's has. */
function place(target) {
  const row = target.contains(document.activeElement) && document.activeElement.closest("[data-row]");
  if (!row) return null;
  return {row: row.dataset.row, nth: [...row.querySelectorAll(focusable)].indexOf(document.activeElement)};
}

/** refill gives an element other children. It leaves it alone where they would look the same, so that what is selected
 * stays so, and leaves the focus where it was. */
export function refill(target, children) {
  const next = target.cloneNode(false);
  next.append(...children);
  if (next.innerHTML === target.innerHTML) return;
  const focus = place(target);
  target.replaceChildren(...next.childNodes);
  if (!focus) return;
  const row = [...target.querySelectorAll("[data-row]")].find((r) => r.dataset.row === focus.row);
  row?.querySelectorAll(focusable)[focus.nth]?.focus();
}
