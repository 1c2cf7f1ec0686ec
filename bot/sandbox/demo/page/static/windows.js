// What stands over the page: modals, and the question before a press.

import { blocks } from "./blocks.js";
import { at, element } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { act } from "./server.js";
import { seen, world } from "./state.js";

let shown_modal = ""; // which state of which modal is drawn

// What pressing or choosing something does that stands in a message, a modal or on the Home tab.
export function user(where) {
  return async (action_id, value, confirm) => {
    if (confirm && !(await confirmed(confirm))) return;
    await act({ do: "press", where, action_id, value });
  };
}

export function draw_modal() {
  const modal = seen.modal, dialog = at("modal"), state = modal ? `${modal.id} ${modal.hash} ${JSON.stringify(modal.errors)}` : "";
  if (state === shown_modal) return;
  const values = dialog.open ? filled(dialog) : {};
  shown_modal = state;
  if (!modal) { dialog.close(); return; }
  const use = user({ kind: "modal" });
  const buttons = element("p", { class: "actions end" }, element("button", { type: "button", class: "quiet", onclick: () => act({ do: "close" }) }, modal.close), modal.submit ? element("button", { class: "primary" }, modal.submit) : null);
  const form = element("form", { onsubmit: (event) => { event.preventDefault(); act({ do: "submit", values: filled(dialog) }); } },
    element("h2", { id: "modal-title" }, modal.title), element("div", { class: "body", tabindex: "0", "aria-label": modal.title, role: "group" }, ...blocks(modal.blocks, { world, use, errors: modal.errors })), buttons);
  dialog.replaceChildren(form);
  for (const field of dialog.querySelectorAll("[data-block]")) if (values[field.name] !== undefined && Object.keys(modal.errors).length) field.value = values[field.name];
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[aria-invalid=true]") ?? dialog.querySelector("[data-block]") ?? dialog.querySelector("button")).focus();
}

function filled(dialog) {
  const fields = [...dialog.querySelectorAll("[data-block]")];
  return Object.fromEntries(fields.filter((field) => field.value !== "").map((field) => [field.name, field.value]));
}

at("modal").addEventListener("cancel", (event) => { event.preventDefault(); act({ do: "close" }); });

function confirmed(confirm) {
  const dialog = at("confirm"), { promise, resolve } = Promise.withResolvers ? Promise.withResolvers() : later();
  const choose = (yes) => () => { dialog.close(); resolve(yes); };
  dialog.replaceChildren(element("h2", { id: "confirm-title" }, confirm.title.text), element("p", {}, ...mrkdwn(confirm.text.text, world)),
    element("p", { class: "actions end" }, element("button", { class: "quiet", onclick: choose(false) }, confirm.deny.text), element("button", { class: confirm.style === "danger" ? "danger" : "primary", onclick: choose(true) }, confirm.confirm.text)));
  dialog.oncancel = choose(false);
  dialog.showModal();
  return promise;
}

function later() {
  let resolve;
  return { promise: new Promise((done) => { resolve = done; }), get resolve() { return resolve; } };
}
