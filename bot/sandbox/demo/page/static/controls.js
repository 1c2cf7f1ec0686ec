// Controls and counts: the delivery check, the bot, faults, jobs, and the request log.

import { by_id, element, reconcile } from "./dom.js";
import { open_channel } from "./navigation.js";
import { post_control } from "./server.js";
import { channels, current, show_pane, state } from "./state.js";

const SPEEDS = [[0, "Pause"], [1, "1×"], [10, "10×"], [60, "60×"]];

function check({ check: color, pending, late, duplicates }) {
  if (color === "green") return ["All told, once", "good"];
  if (color === "amber") return [pending ? "Waiting" : "Outage", "wait"];
  return [late ? "Result overdue" : duplicates ? "Told twice" : "Slack complains", "bad"];
}

const NEWEST_JOBS = 50;

let jobs_drawn = NEWEST_JOBS;

export function draw_controls() {
  const counts = state.status("counts"), bot = state.status("bot"), active_faults = state.status("active_faults");
  const results = [
    ["Check", ...check(counts)],
    ["Messages that Slack took", counts.posted, ""], ["Of them doubled", counts.duplicates, counts.duplicates ? "bad" : "good"],
    ["Finished jobs not told yet", counts.pending, counts.late ? "bad" : counts.pending ? "wait" : "good"], ["Requests in all", counts.requests, ""],
    ["Errors that Slack answered", counts.errors.length, counts.errors.length ? "bad" : "good"],
    ["Complaints of Slack", counts.violations.length, counts.violations.length ? "bad" : "good"],
  ];
  reconcile(by_id("check-results"), results.map(([name, ...rest]) => [name, name, ...rest]), (name, count, outcome) => element("div", {}, element("dt", {}, name), element("dd", { class: outcome || null }, `${count}`)));
  by_id("bot-state").textContent = !bot.is_running ? "Killed." : bot.is_connected ? `Running and connected (start number ${bot.starts}).` : "Starting…";
  by_id("bot-switch").textContent = bot.is_running ? "Kill it" : "Start it again";
  for (const side of ["slack", "api"]) {
    const options = [{ name: "", label: "works" }, ...state.status("fault_controls").filter((each) => each.side === side)];
    reconcile(by_id(`fault-${side}`), options.map((each) => [each.name, each]), (each) => element("option", { value: each.name }, each.label));
    by_id(`fault-${side}`).value = active_faults[side];
  }
  reconcile(by_id("speed"), SPEEDS.map(([speed, name]) => [name, speed, name, state.status("speed") === speed]), (speed, name, is_on) =>
    element("button", { type: "button", class: is_on ? "primary" : "quiet", "aria-pressed": `${is_on}`, "data-use": `speed ${speed}`, onclick: () => post_control("speed", { speed }) }, name));
  const providers = state.status("providers");
  by_id("at-provider").hidden = providers.length < 2 || by_id("scenario").value === TRAINS;
  by_id("scenario").querySelector(`[value=${TRAINS}]`).hidden = !state.status("has_machine");
  reconcile(by_id("provider"), providers.map((name) => [name, name]), (name) => element("option", { value: name }, name));
  draw_jobs();
  reconcile(by_id("request-log"), [...state.requests.values()].reverse().map((request) => [request.name, request]), draw_request);
}

function draw_jobs() {
  const newest = [...state.jobs.values()].reverse(), left = newest.length - jobs_drawn;
  reconcile(by_id("jobs"), newest.slice(0, jobs_drawn).map((job) => [job.id, job]), draw_job);
  reconcile(by_id("more-jobs"), left > 0 ? [["more", left]] : [], () => element("button", { type: "button", class: "quiet", "data-use": "more", onclick: () => { jobs_drawn += NEWEST_JOBS; draw_jobs(); } }, `Show more jobs (${left.toLocaleString()})`));
}

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
// What jobs of every provider can do.
const EVERYWHERE = new Set(["succeeds", "fails", "waits"]);
const TRAINS = "trains";

function draw_job(job) {
  const end_button = (outcome, label, error) => element("button", { class: "quiet", "data-use": `${outcome} ${job.id}`, "aria-label": `${label}: ${job.id}`, onclick: () => post_control("end", { job: job.id, outcome, error }) }, label);
  const errors = element("select", { "aria-label": `Let ${job.id} fail with`, onchange: (event) => post_control("end", { job: job.id, outcome: "failed", error: event.target.value }) },
    element("option", { value: "", disabled: true, selected: true }, "Fail with…"), ...["invalid_training_file", "exceeded_quota", "server_error"].map((code) => element("option", { value: code }, code)));
  const controls = "is_alive" in job ? trainer_controls(job) : FINAL.has(job.status) ? null : element("span", { class: "actions" }, end_button("succeeded", "Succeed"), errors, end_button("stuck", "Get stuck"));
  return element("li", {}, element("code", {}, job.id), " ", job.provider ? element("span", { class: "small" }, `${job.provider} `) : null, element("strong", { class: `status ${job.status}` }, job.status.replaceAll("_", " ")),
    element("button", { class: "quiet", "data-use": `copy ${job.id}`, "aria-label": `Put ${job.id} into the composer`, onclick: () => insert_into_composer(job.id) }, "Use id"), controls);
}

// A job that trains on this machine: what one can do to its process, and to its network.
function trainer_controls(job) {
  const button = (action, label) => element("button", { class: "quiet", "data-use": `${action} ${job.id}`, "aria-label": `${label}: ${job.id}`, onclick: () => post_control("trainer", { job: job.id, action }) }, label);
  const of_process = job.is_alive ? [button("stop", "Stop"), button("crash", "Crash"), button("kill", "Kill -9")] : [button("restart", "Restart")];
  return element("span", { class: "actions" }, ...of_process, job.is_cut_off ? button("reconnect", "Reconnect") : button("cut", "Cut network"));
}

function insert_into_composer(id) {
  if (current.channel === "home") open_channel(channels()[0].id);
  const field = by_id("composer-text");
  field.value = /\s$|^$/.test(field.value) ? `${field.value || "/ftjob status "}${id}` : `${field.value} ${id}`;
  show_pane("chat");
  field.focus();
}

function draw_request(request) {
  const outcome = request.status === 0 ? "no answer" : `${request.status}`;
  const fine = request.status > 0 && request.status < 400;
  return element("li", { class: fine ? null : "bad" }, element("time", { class: "small", datetime: new Date(request.at * 1000).toISOString() }, new Date(request.at * 1000).toLocaleTimeString()), " ",
    element("strong", {}, `${request.side} ${request.endpoint}`), " ", element("span", {}, outcome), request.accepted && !fine ? element("em", {}, " (done all the same)") : null, element("span", { class: "small" }, ` ${request.summary}`));
}

by_id("bot-switch").addEventListener("click", () => post_control("bot", { is_running: !state.status("bot").is_running }));
for (const side of ["slack", "api"]) by_id(`fault-${side}`).addEventListener("change", (event) => post_control("fault", { side, name: event.target.value }));
by_id("scenario").addEventListener("change", draw_controls);
by_id("provider").addEventListener("change", () => {
  for (const option of by_id("scenario").options) option.disabled = by_id("provider").value !== "OpenAI" && !EVERYWHERE.has(option.value) && option.value !== TRAINS;
  if (by_id("scenario").selectedOptions[0].disabled) by_id("scenario").value = "succeeds";
});
by_id("new-job").addEventListener("submit", (event) => { event.preventDefault(); post_control("job", { provider: by_id("provider").value, scenario: by_id("scenario").value, seconds: Number(by_id("seconds").value) }); });
