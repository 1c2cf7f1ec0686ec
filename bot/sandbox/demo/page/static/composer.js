// Composer: the text field and its command hints.

import { by_id, element, reconcile } from "./dom.js";
import { scroll_to_end } from "./messages.js";
import { perform } from "./server.js";
import { current } from "./state.js";

const HINTS = [
  ["help", "what I understand"], ["subscribe", "follow every new job here"], ["list", "the newest jobs"],
  ["status ", "and a job's id"], ["track ", "and a job's id"], ["cancel ", "and a job's id"], ["curves ", "and a job's id"],
  ["create", "start a job"], ["models", "what was made"], ["settings", "what this channel gets"], ["outbox", "what could not be delivered"],
];

function draw_hints() {
  const text = by_id("composer-text").value, found = /^\/(f?t?j?o?b?)$|^\/ftjob (\S*)$/.exec(text);
  const fitting = found ? HINTS.filter(([verb]) => !found[2] || verb.startsWith(found[2])) : [];
  reconcile(by_id("hints"), fitting.slice(0, 6).map(([verb, description]) => [verb, verb, description]), (verb, description) =>
    element("button", { type: "button", class: "quiet", onclick: () => { by_id("composer-text").value = `/ftjob ${verb}`; by_id("composer-text").focus(); draw_hints(); } }, element("code", {}, `/ftjob ${verb.trim()}`), ` ${description}`));
}

async function send() {
  const text = by_id("composer-text").value.trim();
  if (!text) return;
  by_id("composer-text").value = "";
  draw_hints();
  scroll_to_end(); // show the reply
  const message = await perform({ action: "write", channel: current.channel, text });
  if (message) by_id("composer-text").value = text;
}

by_id("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
by_id("composer-text").addEventListener("input", draw_hints);
by_id("composer-text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
});
