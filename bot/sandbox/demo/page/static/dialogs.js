// Dialogs: modals, and the confirmation of a button.

import { blocks } from "./blocks.js";
import { by_id, element } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { perform } from "./server.js";
import { state, names } from "./state.js";

let drawn_modal = ""; // id and state of the drawn modal

// Return the handler of buttons and menus in a message, a modal or the Home tab.
export function on_action(target) {
  return async (action_id, value, confirm) => {
    if (confirm && !(await ask_confirmation(confirm))) return;
    await perform({ action: "press", target, action_id, value });
  };
}

export function draw_modal() {
  const modal = state.modal, dialog = by_id("modal"), key = modal ? `${modal.id} ${modal.hash} ${JSON.stringify(modal.errors)}` : "";
  if (key === drawn_modal) return;
  const values = dialog.open ? form_values(dialog) : {};
  drawn_modal = key;
  if (!modal) { dialog.close(); return; }
  const use = on_action({ kind: "modal" });
  const buttons = element("p", { class: "actions end" }, element("button", { type: "button", class: "quiet", onclick: () => perform({ action: "close" }) }, modal.close), modal.submit ? element("button", { class: "primary" }, modal.submit) : null);
  const form = element("form", { onsubmit: (event) => { event.preventDefault(); perform({ action: "submit", values: form_values(dialog) }); } },
    element("h2", { id: "modal-title" }, modal.title), element("div", { class: "body", tabindex: "0", "aria-label": modal.title, role: "group" }, ...blocks(modal.blocks, { names, use, errors: modal.errors })), buttons);
  dialog.replaceChildren(form);
  for (const field of dialog.querySelectorAll("[data-block]")) if (values[field.name] !== undefined && Object.keys(modal.errors).length) field.value = values[field.name];
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[aria-invalid=true]") ?? dialog.querySelector("[data-block]") ?? dialog.querySelector("button")).focus();
}

function form_values(dialog) {
  const fields = [...dialog.querySelectorAll("[data-block]")];
  return Object.fromEntries(fields.filter((field) => field.value !== "").map((field) => [field.name, field.value]));
}

by_id("modal").addEventListener("cancel", (event) => { event.preventDefault(); perform({ action: "close" }); });

function ask_confirmation(confirm) {
  const dialog = by_id("confirm"), { promise, resolve } = Promise.withResolvers ? Promise.withResolvers() : deferred();
  const choose = (yes) => () => { dialog.close(); resolve(yes); };
  dialog.replaceChildren(element("h2", { id: "confirm-title" }, confirm.title.text), element("p", {}, ...mrkdwn(confirm.text.text, names)),
    element("p", { class: "actions end" }, element("button", { class: "quiet", onclick: choose(false) }, confirm.deny.text), element("button", { class: confirm.style === "danger" ? "danger" : "primary", onclick: choose(true) }, confirm.confirm.text)));
  dialog.oncancel = choose(false);
  dialog.showModal();
  return promise;
}

function deferred() {
  let resolve;
  return { promise: new Promise((done) => { resolve = done; }), get resolve() { return resolve; } };
}
