// What people type.

import { at, element, keep } from "./dom.js";
import { begin } from "./messages.js";
import { act } from "./server.js";
import { here } from "./state.js";

const HINTS = [
  ["help", "what I understand"], ["subscribe", "follow every new job here"], ["list", "the newest jobs"],
  ["status ", "and a job's id"], ["track ", "and a job's id"], ["cancel ", "and a job's id"], ["curves ", "and a job's id"],
  ["create", "start a job"], ["models", "what was made"], ["settings", "what this channel gets"], ["outbox", "what could not be delivered"],
];

function draw_hints() {
  const text = at("write").value, found = /^\/(f?t?j?o?b?)$|^\/ftjob (\S*)$/.exec(text);
  const fitting = found ? HINTS.filter(([verb]) => !found[2] || verb.startsWith(found[2])) : [];
  keep(at("hints"), fitting.slice(0, 6).map(([verb, says]) => [verb, verb, says]), (verb, says) =>
    element("button", { type: "button", class: "quiet", onclick: () => { at("write").value = `/ftjob ${verb}`; at("write").focus(); draw_hints(); } }, element("code", {}, `/ftjob ${verb.trim()}`), ` ${says}`));
}

async function send() {
  const text = at("write").value.trim();
  if (!text) return;
  at("write").value = "";
  draw_hints();
  begin(); // whoever says something wants to see the answer
  const said = await act({ do: "write", channel: here.place, text });
  if (said) at("write").value = text;
}

at("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("write").addEventListener("input", draw_hints);
at("write").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
});
