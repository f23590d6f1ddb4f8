// The page: what is shown, and when it is asked for.

import {checkRows, manualRows} from "./checks.js";
import {begin, end, overrule} from "./dialogs.js";
import {clock, el, refill, say} from "./dom.js";
import * as events from "./events.js";
import {follow, get, Refused} from "./server.js";
import {lacking, trees} from "./sets.js";

const shown = 200; // rows of a kind: for more there is the filter
const depth = 10; // of branches that are asked for at a time
const $ = (selector) => document.querySelector(selector);

/** tell shows what is wrong with asking, and nothing when nothing is. */
function tell(trouble) {
  const hint = trouble instanceof Refused && trouble.status === 401 ? " (use the button Token)" : "";
  say($("#trouble"), trouble ? `${trouble.message}${hint}` : "");
  $("#trouble").hidden = !trouble;
}

function showStatus(status) {
  const tiles = [
    ["Record sets", status.sets.all, ""],
    ["not on their first record", status.sets.failed_over, status.sets.failed_over ? "warn" : ""],
    ["with nothing healthy", status.sets.all_down, status.sets.all_down ? "bad" : ""],
    ["Checks healthy", status.checks.healthy, ""],
    ["unhealthy", status.checks.unhealthy, status.checks.unhealthy ? "bad" : ""],
    ["unknown", status.checks.unknown, status.checks.unknown ? "warn" : ""],
    ...(status.checks.held ? [["failing, not believed", status.checks.held, "warn"]] : []),
    ["Manual states", status.manual, status.manual ? "warn" : ""],
  ];
  refill($("#summary"), tiles.map(([name, n, tone]) => el("div", {"data-row": name},
    el("dt", {}, name), el("dd", {class: tone}, String(n)))));
  $("#isolated").hidden = !status.isolated;
  $("#state-file").hidden = !status.state_file;
  say($("#state-file"), status.state_file ? `State file: ${status.state_file}` : "");
  const troubled = status.sets.failed_over + status.sets.all_down;
  document.title = troubled ? `(${troubled}) failover` : "failover";
  say($("#live"), status.ready ? "live" : "live, not ready yet");
  $("#live").dataset.live = "yes";
}

function showAway() {
  if ($("#live").dataset.live === "yes") {
    $("#live").replaceChildren("not connected since ", clock(new Date().toISOString()));
  }
  $("#live").dataset.live = "no";
}

function more(section, next, n) {
  const note = $(`#${section} .more`);
  note.hidden = !next;
  say(note, next ? `These are the first ${n}. Say above which you mean.` : "");
}

const pattern = () => $("#match").value.trim();
const wild = (text) => text && (/[*?@]/.test(text) ? text : `*${text}*`);
const view = {opened: new Set(), known: [], more: soon};

/** checks gives those that match, or those of them that are not healthy. */
async function checks(match, only) {
  if (!only) return get("checks", {match, limit: shown});
  const [bad, unknown] = await Promise.all(
    ["unhealthy", "unknown"].map((state) => get("checks", {match, state, limit: shown})));
  return {checks: [...bad.checks, ...unknown.checks].slice(0, shown), next: bad.next || unknown.next};
}

async function refresh() {
  const match = wild(pattern());
  const trouble = $("#trouble-only").checked || undefined;
  const [gotSets, gotChecks, gotManual] = await Promise.all([
    get("sets", {match: match.includes("@") ? "" : match, trouble, limit: shown}),
    checks(match, trouble),
    get("manual"),
  ]);
  view.known = [...gotSets.sets];
  const asked = new Set();
  for (let i = 0; i < depth; i++) {
    const names = lacking(gotSets.sets, view).filter((name) => !asked.has(name)).slice(0, shown);
    if (!names.length) break;
    for (const name of names) asked.add(name);
    const branches = await Promise.all(names.map((name) => get("sets", {match: name, limit: 10})));
    view.known.push(...branches.flatMap((b) => b.sets));
  }
  refill($("#sets .trees"), trees(gotSets.sets, view));
  more("sets", gotSets.next, shown);
  refill($("#checks tbody"), checkRows(gotChecks.checks, overrule));
  more("checks", gotChecks.next, shown);
  refill($("#manual tbody"), manualRows(gotManual.manual, end));
}

let due; // timer of the next refresh
let busy = false; // while one is under way
let waiting = false; // for one that was asked for
let rest = 150; // before that one

/** attempt refreshes what somebody can see. */
async function attempt() {
  clearTimeout(due);
  busy = true;
  waiting = false;
  let next = 10_000; // times and graphs move though nothing happens
  const began = performance.now();
  try {
    if (!document.hidden) await refresh();
    tell();
  } catch (e) {
    tell(e);
    next = 5000;
  }
  // Not to take all of a browser's time, or of a server's, while much happens at once.
  rest = Math.min(1000, Math.max(150, 2 * (performance.now() - began)));
  busy = false;
  due = setTimeout(attempt, waiting ? rest : next);
}

/** soon has what is shown refreshed. It puts off nothing: things can go on happening. */
function soon() {
  if (!busy && !waiting) {
    clearTimeout(due);
    due = setTimeout(attempt, rest);
  }
  waiting = true;
}

let started; // when the server was: another time is that of another process, whose events have other numbers
let wake = () => {};

/** listen shows what has happened, and then what happens, until the connection ends. */
async function listen(connected) {
  const status = await get("status");
  if (started && status.started !== started) events.forget();
  started = status.started;
  const from = events.after(status.event);
  // The status can be older than the last event, by as much as the server remembers it.
  events.show((await get("events", {after: from, limit: Math.max(1, status.event - from)})).events, false);
  soon();
  await follow(events.after(0), (event, data) => {
    connected();
    if (event === "status") showStatus(data);
    if (event === "journal") {
      events.show([data], true);
      soon();
    }
  });
}

async function live() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    try {
      await listen(() => { wait = 500; });
    } catch (e) {
      tell(e);
    }
    showAway();
    await new Promise((done) => {
      wake = done;
      setTimeout(done, wait);
    });
  }
}

begin(() => {
  soon();
  wake();
});
$("#filter").addEventListener("input", () => {
  events.choose(pattern());
  soon();
});
$("#filter").addEventListener("submit", (e) => e.preventDefault());
document.addEventListener("visibilitychange", () => {
  soon();
  wake();
});
live();
