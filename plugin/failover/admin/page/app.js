// The page: what is shown, when it is asked for, and what clicking does.

import {checkRows, manualRows} from "./checks.js";
import {clock, el, refill} from "./dom.js";
import {change, follow, get, Refused, token, useToken} from "./server.js";
import {trees} from "./sets.js";

const shown = 200; // rows of a kind: for more there is the filter
const kept = 100; // events
const $ = (selector) => document.querySelector(selector);

const opened = new Set(); // trees
let last = 0; // number of the last event
let sets = [];
let due; // timer of the next refresh

function tell(trouble) {
  $("#trouble").hidden = !trouble;
  $("#trouble").textContent = trouble ?? "";
}

function showStatus(status) {
  const tiles = [
    ["Record sets", status.sets.all, ""],
    ["not on their first record", status.sets.failed_over, status.sets.failed_over ? "warn" : ""],
    ["with nothing healthy", status.sets.all_down, status.sets.all_down ? "bad" : ""],
    ["Checks healthy", status.checks.healthy, ""],
    ["unhealthy", status.checks.unhealthy, status.checks.unhealthy ? "bad" : ""],
    ["unknown", status.checks.unknown, status.checks.unknown ? "warn" : ""],
    ["Manual states", status.manual, status.manual ? "warn" : ""],
  ];
  refill($("#summary"), tiles.map(([name, n, tone]) => el("div", {}, el("dt", {}, name), el("dd", {class: tone}, String(n)))));
  $("#isolated").hidden = !status.isolated;
  $("#state-file").hidden = !status.state_file;
  $("#state-file").textContent = status.state_file ? `State file: ${status.state_file}` : "";
  $("#live").textContent = status.ready ? "live" : "live, not ready yet";
  $("#live").dataset.live = "yes";
}

function showEvents(events) {
  const log = $("#events .log");
  for (const event of events) {
    if (event.seq <= last && log.childElementCount) continue;
    last = Math.max(last, event.seq);
    log.prepend(el("li", {class: "fresh", value: event.seq, "data-kind": event.kind}, clock(event.at), event.text));
  }
  while (log.childElementCount > kept) log.lastElementChild.remove();
}

function more(section, next, n) {
  const note = $(`#${section} .more`);
  note.hidden = !next;
  note.textContent = next ? `These are the first ${n}. Name those that you mean above.` : "";
}

const pattern = () => $("#match").value.trim();
const wild = (text) => text && (/[*?]/.test(text) ? text : `*${text}*`);
const lookup = (name, type) => sets.find((s) => s.name === name && (s.type === type || s.type.split("/").includes(type) || type.split("/").includes(s.type)));

async function refresh() {
  clearTimeout(due);
  const match = wild(pattern());
  const only = $("#trouble-only").checked;
  const [gotSets, gotChecks, gotManual] = await Promise.all([
    get("sets", {match, limit: shown}), get("checks", {match: match && `*${match}*@*`.replaceAll("**", "*"), limit: shown}), get("manual"),
  ]);
  sets = gotSets.sets;
  const aliases = new Set(sets.flatMap((s) => s.records.map((r) => r.alias).filter(Boolean)));
  const missing = [...aliases].filter((name) => !sets.some((s) => s.name === name)).slice(0, shown);
  const branches = await Promise.all(missing.map((name) => get("sets", {match: name, limit: 4})));
  const roots = sets.filter((s) => !only || s.all_down || !s.settled || s.active && s.active !== s.records[0].id);
  sets = [...sets, ...branches.flatMap((b) => b.sets)];
  refill($("#sets .trees"), trees(roots, lookup, opened));
  more("sets", gotSets.next, shown);
  refill($("#checks tbody"), checkRows(
    gotChecks.checks.filter((c) => !only || c.state !== "healthy" || c.manual), overrule));
  more("checks", gotChecks.next, shown);
  refill($("#manual tbody"), manualRows(gotManual.manual, end));
  due = setTimeout(attempt, 10_000); // times and graphs move though nothing happens
}

/** attempt refreshes what somebody can see. */
async function attempt() {
  try {
    if (!document.hidden) await refresh();
    tell();
  } catch (e) {
    tell(e.message);
    due = setTimeout(attempt, 5000);
  }
}

function soon() {
  clearTimeout(due);
  due = setTimeout(attempt, 150);
}

async function live() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      await follow(last, (event, data) => {
        wait = 500;
        if (event === "status") showStatus(data);
        if (event === "journal") {
          showEvents([data]);
          soon();
        }
      });
    } catch (e) {
      if (e instanceof Refused && (e.status === 401 || e.status === 403)) tell(`${e.message} (use the button Token)`);
    }
    $("#live").dataset.live = "no";
    $("#live").textContent = "not connected";
    await new Promise((done) => setTimeout(done, wait));
  }
}

// Dialogs.

for (const button of document.querySelectorAll("dialog button[value=cancel]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

function overrule(check) {
  $("#m-checks").value = check?.id ?? "";
  for (const radio of document.querySelectorAll("[name=m-state]")) {
    radio.checked = radio.value === (check?.state === "unhealthy" ? "healthy" : "unhealthy");
  }
  $("#manual-dialog .error").hidden = true;
  $("#manual-dialog").showModal();
  $(check ? "#m-reason" : "#m-checks").focus();
}

$("#new-manual").addEventListener("click", () => overrule());

$("#manual-dialog form").addEventListener("submit", async (e) => {
  e.preventDefault();
  try {
    await change("POST", "manual", {
      checks: $("#m-checks").value, state: $("[name=m-state]:checked").value, reason: $("#m-reason").value,
      author: $("#m-author").value, for: $("#m-for").value || undefined,
    });
    $("#manual-dialog").close();
    soon();
  } catch (refused) {
    const error = $("#manual-dialog .error");
    error.hidden = false;
    error.textContent = refused.message;
  }
});

async function end(manual) {
  try {
    const author = $("#m-author").value || "status page";
    await change("DELETE", `manual/${manual.id}?${new URLSearchParams({author})}`);
    soon();
  } catch (refused) {
    tell(refused.message);
  }
}

$("#token-button").addEventListener("click", () => {
  $("#token").value = token();
  $("#token-dialog").showModal();
});

$("#token-dialog form").addEventListener("submit", () => {
  useToken($("#token").value.trim());
  tell();
  soon();
});

$("#filter").addEventListener("input", soon);
$("#filter").addEventListener("submit", (e) => e.preventDefault());
document.addEventListener("visibilitychange", soon);

// The beginning.

async function start() {
  try {
    const [status, log] = await Promise.all([get("status"), get("events", {limit: kept})]);
    showStatus(status);
    showEvents(log.events);
    last = Math.max(last, log.last);
    await refresh();
  } catch (e) {
    tell(e.message);
    soon();
  }
  live();
}

start();
