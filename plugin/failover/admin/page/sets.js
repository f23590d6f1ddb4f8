// Record sets as trees.

import {el, percent, state, when} from "./dom.js";

const key = (set) => `${set.name} ${set.type}`;

/** find finds a set among others: that of a name which answers a type. */
function find(sets, name, type) {
  const types = type.split("/");
  return sets.find((s) => s.name === name && s.type.split("/").some((t) => types.includes(t)));
}

/** trees draws the sets that are asked for. view has opened, the keys of those whose trees are open; known, the sets
 * that branches can lead to, and more(), which is called when a tree was opened. */
export function trees(sets, view) {
  return sets.map((set) => el("li", {"data-row": key(set)}, tree(set, view, [])));
}

/** lacking names the sets that open trees lead to and that are not known. */
export function lacking(sets, view) {
  const names = new Set();
  const walk = (set, above) => {
    const path = [...above, key(set)];
    if (!view.opened.has(path.join(" / "))) return;
    for (const record of set.records) {
      const branch = record.alias && find(view.known, record.alias, set.type);
      if (branch && !path.includes(key(branch))) walk(branch, path);
      else if (record.alias && !branch) names.add(record.alias);
    }
  };
  for (const set of sets) walk(set, []);
  return [...names];
}

function tree(set, view, above) {
  const path = [...above, key(set)];
  const at = path.join(" / ");
  return el("details", {open: view.opened.has(at), ontoggle: (e) => {
    if (!e.target.open) view.opened.delete(at);
    else if (!view.opened.has(at)) { // and not because it was drawn open
      view.opened.add(at);
      view.more();
    }
  }}, el("summary", {"data-focus": at}, el("span", {class: "id"}, set.name), ` ${set.type} `, headline(set)),
  el("ul", {role: "list"}, ...set.records.map((record) => item(record, set, view, path))));
}

/** headline is what can be seen of a set while its tree is closed. */
function headline(set) {
  if (set.all_down) return el("strong", {class: "bad"}, `✘ no record is healthy (${set.policy})`);
  const active = set.active
    ? el("span", {}, "→ ", el("strong",
      {class: set.active === set.records[0].id ? "good" : "warn", "data-active": set.active}, set.active))
    : el("span", {class: "good"}, "✔");
  const waits = set.failback_waits && el("span", {class: "warn"}, `, ${set.failback_waits} is healthy again and waits, `,
    set.failback_at ? el("span", {}, "to be taken ", when(set.failback_at)) : "until somebody takes it");
  const rest = ` ${set.policy}, TTL ${set.ttl} s${set.settled ? "" : ", unsettled"}`;
  return el("span", {}, active, el("span", {class: "dim"}, rest), waits);
}

function item(record, set, view, path) {
  const answers = record.odds > 0;
  const target = record.alias && find(view.known, record.alias, set.type);
  return el("li", {class: answers ? "record active" : "record"},
    state(record.healthy ? "healthy" : "unhealthy"), " ", el("strong", {class: "id"}, record.id), " ",
    el("span", {class: "dim"}, answers ? `answers ${percent(record.odds)}` : "does not answer",
      record.weight === undefined ? "" : `, weight ${record.weight}`, record.alias ? `, alias of ${record.alias}` : "",
      record.checks?.length ? ` ${record.checks.join(" ")}` : ""),
    record.values && el("ul", {class: "values", role: "list"}, ...record.values.map((value) => el("li", {},
      state(value.healthy ? "healthy" : "unhealthy"), ` ${value.type} `, el("span", {class: "id"}, value.data),
      value.checks?.length ? el("span", {class: "dim id"}, ` ${value.checks.join(" ")}`) : ""))),
    target && !path.includes(key(target)) && el("div", {class: "branch"}, tree(target, view, path)));
}
