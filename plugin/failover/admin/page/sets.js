// Record sets as trees.

import {el, percent, state, when} from "./dom.js";

const key = (set) => `${set.name} ${set.type}`;

/** trees draws the sets that are asked for. opened holds the keys of those whose trees are open; lookup finds a set by
 * name for a branch. */
export function trees(sets, lookup, opened) {
  return sets.map((set) => el("li", {"data-row": key(set)}, tree(set, lookup, opened, [])));
}

function tree(set, lookup, opened, above) {
  const at = [...above, key(set)].join(" / ");
  const details = el("details", {open: opened.has(at), ontoggle: (e) => {
    if (e.target.open) opened.add(at);
    else opened.delete(at);
  }}, el("summary", {}, el("span", {class: "id"}, set.name), ` ${set.type} `, headline(set)),
  el("ul", {}, ...set.records.map((record) => item(record, set, lookup, opened, [...above, key(set)]))));
  return details;
}

/** headline is what can be seen of a set while its tree is closed. */
function headline(set) {
  if (set.all_down) return el("strong", {class: "bad"}, `✘ no record is healthy (${set.policy})`);
  const active = set.active
    ? el("span", {}, "→ ", el("strong", {class: set.active === set.records[0].id ? "good" : "warn", "data-active": set.active}, set.active))
    : el("span", {class: "good"}, "✔");
  const waits = set.failback_waits && el("span", {class: "dim"}, `, ${set.failback_waits} waits `, set.failback_at ? when(set.failback_at) : "for failback");
  return el("span", {}, active, el("span", {class: "dim"}, ` ${set.policy}, TTL ${set.ttl} s${set.settled ? "" : ", unsettled"}`), waits);
}

function item(record, set, lookup, opened, above) {
  const answers = record.odds > 0;
  const target = record.alias && lookup(record.alias, set.type);
  return el("li", {class: answers ? "record active" : "record"},
    state(record.healthy ? "healthy" : "unhealthy"), " ", el("strong", {class: "id"}, record.id), " ",
    el("span", {class: "dim"}, answers ? `answers ${percent(record.odds)}` : "does not answer",
      record.weight === undefined ? "" : `, weight ${record.weight}`, record.alias ? `, alias of ${record.alias}` : ""),
    record.values && el("ul", {class: "values"}, ...record.values.map((value) => el("li", {},
      state(value.healthy ? "healthy" : "unhealthy"), ` ${value.type} `, el("span", {class: "id"}, value.data),
      value.checks?.length ? el("span", {class: "dim id"}, ` ${value.checks.join(" ")}`) : ""))),
    target && !above.includes(key(target)) && el("div", {class: "branch"}, tree(target, lookup, opened, above)));
}
