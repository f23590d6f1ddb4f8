// The journal: the last events, the newest first.

import {clock, el, say} from "./dom.js";

const kept = 100;
// What is read out to those who do not see the page. The rest would be too much.
const told = new Set(["failover", "failback", "all_down", "recovered", "isolated", "connected", "stale", "fresh"]);
const log = document.querySelector("#events .log");
let last = 0;
let wanted = /(?:)/;

/** after is the number after which events are still to be had, where the last of all is given. */
export function after(newest) { return Math.max(last, newest - kept); }

/** forget empties the list, for a server that counts anew. */
export function forget() {
  last = 0;
  log.replaceChildren();
}

/** show adds events. */
export function show(events, fresh) {
  for (const event of events) {
    if (event.seq <= last) continue;
    last = event.seq;
    const item = el("li", {class: fresh && "fresh", value: event.seq, "data-kind": event.kind},
      clock(event.at), event.text);
    item.hidden = !wanted.test(event.text);
    log.prepend(item);
    if (fresh && told.has(event.kind)) tell(event.text);
  }
  while (log.childElementCount > kept) log.lastElementChild.remove();
}

/** choose shows those events only that have a text in which "*" and "?" stand for anything. */
export function choose(pattern) {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  wanted = new RegExp(escaped.replaceAll("*", ".*").replaceAll("?", "."), "i");
  for (const item of log.children) item.hidden = !wanted.test(item.textContent);
}

const news = document.querySelector("#news");
let more = 0;
let quiet; // timer of the end of a pause

/** tell reads an event out, at most one in five seconds: then the last, and how many there were. */
function tell(text) {
  if (quiet) {
    more++;
    news.dataset.next = text;
    return;
  }
  say(news, more ? `${text} And ${more} more events.` : text);
  more = 0;
  quiet = setTimeout(() => {
    quiet = undefined;
    if (!more) return;
    more--;
    tell(news.dataset.next);
  }, 5000);
}
