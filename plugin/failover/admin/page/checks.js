// Checks and manual states as rows of tables.

import {clock, el, spark, state, when} from "./dom.js";

/** checkRows draws checks; overrule(check) is called to make a manual state for one. */
export function checkRows(checks, overrule) {
  return checks.map((check) => el("tr", {"data-row": check.id},
    el("td", {class: "state"}, state(check.state), check.manual ? el("div", {class: "warn"}, `by hand, really ${check.real || "not probed"}`) : "",
      check.held ? el("div", {class: "warn"}, "held") : "", check.streak ? el("div", {class: "dim"}, "about to change") : ""),
    el("td", {class: "id"}, check.id),
    el("td", {}, check.manual ? `${check.manual.reason} (${check.manual.author})` : check.detail || check.reason || ""),
    el("td", {}, check.since ? when(check.since) : ""),
    el("td", {}, spark(check.latency)),
    el("td", {}, el("button", {type: "button", onclick: () => overrule(check)}, "Overrule", el("span", {class: "unseen"}, ` ${check.id}`)))));
}

/** manualRows draws manual states; end(manual) is called to end one. */
export function manualRows(manual, end) {
  return manual.map((one) => el("tr", {"data-row": one.id},
    el("td", {class: "id"}, one.checks, el("span", {class: "dim"}, ` (${one.matches})`)),
    el("td", {class: "state"}, state(one.state)),
    el("td", {}, one.reason),
    el("td", {}, one.author),
    el("td", {}, one.until ? clock(one.until) : "when somebody ends it"),
    el("td", {}, el("button", {type: "button", onclick: () => end(one)}, "End", el("span", {class: "unseen"}, ` ${one.checks}`)))));
}
