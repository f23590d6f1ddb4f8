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

/** milliseconds writes a duration. */
export function milliseconds(value) {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** spark draws the last durations, all on the scale from zero to the longest. */
export function spark(values) {
  if (!values || values.length < 2) return "";
  const top = Math.max(...values, 0.001);
  const points = values.map((v, i) => `${i / (values.length - 1) * 100},${20 - v / top * 18}`).join(" ");
  const [least, most] = [Math.min(...values), Math.max(...values)].map(milliseconds);
  return el("svg", {class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", role: "img",
    "aria-label": `the last ${values.length} probes took ${least} to ${most}`},
    el("polyline", {points}));
}

const named = (key) => `[data-focus="${CSS.escape(key)}"]`;

/** focusOn gives the focus to what has the key, wherever it is by now, and tells whether there is such a thing. */
export function focusOn(key, within = document) {
  const found = within.querySelector(named(key));
  found?.focus({preventScroll: true});
  return Boolean(found);
}

/** refill gives an element other rows. Those that look the same stay, with what is selected in them, and the focus stays
 * where it was: rows have a data-row, and what can have the focus has a data-focus. */
export function refill(target, rows) {
  const old = new Map([...target.children].map((row) => [row.dataset.row, row]));
  const next = rows.map((row) => {
    const was = old.get(row.dataset.row);
    if (was?.outerHTML !== row.outerHTML) return row;
    old.delete(row.dataset.row);
    return was;
  });
  const focus = target.contains(document.activeElement) ? document.activeElement.dataset.focus : "";
  const staying = new Set(next);
  for (const row of [...target.children]) {
    if (!staying.has(row)) row.remove();
  }
  let at = target.firstElementChild;
  for (const row of next) {
    if (row === at) at = at.nextElementSibling;
    else target.insertBefore(row, at);
  }
  if (!focus || target.contains(document.activeElement) || focusOn(focus, target)) return;
  target.closest("section")?.querySelector("h2").focus({preventScroll: true}); // its row has gone
}

/** say gives an element another text. It leaves it alone where it has it, or it would be read out again. */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
