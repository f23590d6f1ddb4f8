// Dialogs: manual states are made and ended in them, and the token is asked for.

import {focusOn} from "./dom.js";
import {change, Refused, token, useToken} from "./server.js";

const authorKey = "failover-author";
const $ = (selector) => document.querySelector(selector);

let changed; // called when something was changed

/** open shows a dialog. When it closes, the focus goes back to where it was, though that may have been drawn anew. */
function open(dialog, first) {
  const from = document.activeElement;
  dialog.querySelector(".error").hidden = true;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    if (!from.isConnected && from.dataset.focus) focusOn(from.dataset.focus);
  }, {once: true});
  dialog.showModal();
  first.focus();
}

/** askToken opens the dialog for the token and tells whether one was given. */
export function askToken(why = "") {
  const dialog = $("#token-dialog");
  $("#token").value = token();
  open(dialog, $("#token"));
  dialog.querySelector(".error").hidden = !why;
  dialog.querySelector(".error").textContent = why;
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "save";
      if (given) {
        useToken($("#token").value.trim());
        changed();
      }
      $("#token").value = "";
      done(given);
    }, {once: true});
  });
}

/** attempt asks for a change, and for the token where that is what it lacks. */
async function attempt(...request) {
  try {
    await change(...request);
  } catch (refused) {
    if (!(refused instanceof Refused && refused.status === 401 && await askToken(`${refused.message}.`))) throw refused;
    await change(...request);
  }
}

/** submitted has a dialog do something, close when it was done, and say what is wrong when it was not. */
function submitted(dialog, work) {
  const error = dialog.querySelector(".error");
  const send = dialog.querySelector("[type=submit]");
  dialog.querySelector("form").addEventListener("submit", async (e) => {
    e.preventDefault();
    send.disabled = true;
    error.hidden = true;
    try {
      await work();
      dialog.close("save");
      changed();
    } catch (refused) {
      error.hidden = false;
      error.textContent = refused.message;
    } finally {
      send.disabled = false;
    }
  });
}

/** author fills in who asks, as they said the last time in this browser. */
function author(field) {
  field.value ||= localStorage.getItem(authorKey) ?? "";
}

function remember(field) {
  localStorage.setItem(authorKey, field.value.trim());
  return field.value.trim();
}

/** overrule opens the dialog for a manual state, of a check where one is given. */
export function overrule(check) {
  $("#m-checks").value = check?.id ?? "";
  $("#m-reason").value = "";
  author($("#m-author"));
  for (const radio of document.querySelectorAll("[name=m-state]")) {
    radio.checked = radio.value === (check?.state === "unhealthy" ? "healthy" : "unhealthy");
  }
  open($("#manual-dialog"), $(check ? "#m-reason" : "#m-checks"));
}

let ending;

/** end opens the dialog in which a manual state is ended. */
export function end(manual) {
  ending = manual;
  $("#end-what").textContent = `${manual.checks} is ${manual.state} by hand: ${manual.reason} (${manual.author})`;
  author($("#end-author"));
  open($("#end-dialog"), $("#end-author").value ? $("#end-dialog [type=submit]") : $("#end-author"));
}

/** begin wires the dialogs; then is called when something was changed. */
export function begin(then) {
  changed = then;
  for (const button of document.querySelectorAll("dialog button[value=cancel]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  submitted($("#manual-dialog"), () => attempt("POST", "manual", {
    checks: $("#m-checks").value.trim(), state: $("[name=m-state]:checked").value, reason: $("#m-reason").value,
    author: remember($("#m-author")), for: $("#m-for").value || undefined,
  }));
  submitted($("#end-dialog"), () => attempt("DELETE",
    `manual/${ending.id}?${new URLSearchParams({author: remember($("#end-author"))})}`));
  $("#token-dialog form").addEventListener("submit", (e) => {
    e.preventDefault();
    $("#token-dialog").close("save");
  });
  $("#token-button").addEventListener("click", () => askToken());
  $("#new-manual").addEventListener("click", () => overrule());
}
