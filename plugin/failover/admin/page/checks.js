// Checks and manual states as rows of tables.

import {clock, el, milliseconds, spark, state, when} from "./dom.js";

/** cell is a cell with what stands over its column, for windows that are too narrow for columns. */
const cell = (label, ...children) => el("td", {"data-label": label}, ...children);

/** untold says why the last probe tells nothing of its target, so that the state may be an old one. */
const untold = (last) => last && last.outcome === "indeterminate"
  ? el("div", {class: "warn"}, `the last probe tells nothing (${last.reason}): ${last.detail || ""}`) : "";

/** checkRows draws checks; overrule(check) is called to make a manual state for one. */
export function checkRows(checks, overrule) {
  return checks.map((check) => el("tr", {"data-row": check.id},
    el("td", {class: "state"}, state(check.state),
      check.manual ? el("div", {class: "warn"}, `by hand, really ${check.real || "not probed"}`) : "",
      check.held ? el("div", {class: "warn"}, "failing, not believed") : "",
      check.streak ? el("div", {class: "dim"}, "about to change") : ""),
    el("th", {scope: "row", class: "id"}, check.id),
    cell("Reason", check.manual
      ? `${check.manual.reason} (${check.manual.author})` : check.detail || check.reason || "", untold(check.last)),
    cell("Since", check.since ? when(check.since) : ""),
    cell("Last probes", spark(check.latency),
      check.last ? el("span", {class: "dim"}, ` ${milliseconds(check.last.duration_ms)}`) : ""),
    el("td", {}, el("button", {type: "button", "data-focus": `overrule ${check.id}`, onclick: () => overrule(check)},
      "Overrule", el("span", {class: "unseen"}, ` ${check.id}`)))));
}

/** manualRows draws manual states; end(manual) is called to end one. */
export function manualRows(manual, end) {
  return manual.map((one) => el("tr", {"data-row": String(one.id)},
    el("th", {scope: "row", class: "id"}, one.checks, el("span", {class: "dim"}, ` (${one.matches})`)),
    el("td", {class: "state"}, state(one.state)),
    cell("Reason", one.reason),
    cell("Author", one.author),
    cell("Ends", one.until ? clock(one.until) : "when somebody ends it"),
    el("td", {}, el("button", {type: "button", "data-focus": `end ${one.id}`, onclick: () => end(one)},
      "End", el("span", {class: "unseen"}, ` ${one.checks}`)))));
}
