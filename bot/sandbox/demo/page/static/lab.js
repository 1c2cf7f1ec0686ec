// Behind the scenes: what was counted, the bot, the troubles, the jobs, the ledger.

import { at, element, keep } from "./dom.js";
import { go } from "./places.js";
import { pull } from "./server.js";
import { channels, here, pane, seen } from "./state.js";

const SPEEDS = [[0, "Pause"], [1, "1×"], [10, "10×"], [60, "60×"]];

function check({ check: color, pending, late, doubled }) {
  if (color === "green") return ["All told, once", "good"];
  if (color === "amber") return [pending ? "Waiting" : "Outage", "wait"];
  return [late ? "Result overdue" : doubled ? "Told twice" : "Slack complains", "bad"];
}

const NEWEST_JOBS = 50;

let jobs_drawn = NEWEST_JOBS;

export function draw_lab() {
  const counts = seen.fact("counts"), bot = seen.fact("bot"), troubled = seen.fact("troubled");
  const verdict = [
    ["Check", ...check(counts)],
    ["Messages that Slack took", counts.posted, ""], ["Of them doubled", counts.doubled, counts.doubled ? "bad" : "good"],
    ["Finished jobs not told yet", counts.pending, counts.late ? "bad" : counts.pending ? "wait" : "good"], ["Requests in all", counts.requests, ""],
    ["Errors that Slack answered", counts.errors.length, counts.errors.length ? "bad" : "good"],
    ["Complaints of Slack", counts.complaints.length, counts.complaints.length ? "bad" : "good"],
  ];
  keep(at("verdict"), verdict.map(([name, ...rest]) => [name, name, ...rest]), (name, count, how) => element("div", {}, element("dt", {}, name), element("dd", { class: how || null }, `${count}`)));
  at("bot-state").textContent = !bot.running ? "Killed." : bot.connected ? `Running and connected (start number ${bot.starts}).` : "Starting…";
  at("bot-switch").textContent = bot.running ? "Kill it" : "Start it again";
  for (const side of ["slack", "api"]) {
    const ways = [{ name: "", says: "works" }, ...seen.fact("troubles").filter((each) => each.side === side)];
    keep(at(`trouble-${side}`), ways.map((each) => [each.name, each]), (each) => element("option", { value: each.name }, each.says));
    at(`trouble-${side}`).value = troubled[side];
  }
  keep(at("speed"), SPEEDS.map(([speed, name]) => [name, speed, name, seen.fact("speed") === speed]), (speed, name, is_on) =>
    element("button", { type: "button", class: is_on ? "primary" : "quiet", "aria-pressed": `${is_on}`, "data-use": `speed ${speed}`, onclick: () => pull("speed", { speed }) }, name));
  draw_jobs();
  keep(at("ledger"), [...seen.entries.values()].reverse().map((entry) => [entry.name, entry]), draw_entry);
}

function draw_jobs() {
  const newest = [...seen.jobs.values()].reverse(), left = newest.length - jobs_drawn;
  keep(at("jobs"), newest.slice(0, jobs_drawn).map((job) => [job.id, job]), draw_job);
  keep(at("more-jobs"), left > 0 ? [["more", left]] : [], () => element("button", { type: "button", class: "quiet", "data-use": "more", onclick: () => { jobs_drawn += NEWEST_JOBS; draw_jobs(); } }, `Show more jobs (${left.toLocaleString()})`));
}

const OVER = new Set(["succeeded", "failed", "cancelled"]);

function draw_job(job) {
  const end = (how, label, error) => element("button", { class: "quiet", "data-use": `${how} ${job.id}`, "aria-label": `${label}: ${job.id}`, onclick: () => pull("end", { job: job.id, how, error }) }, label);
  const errors = element("select", { "aria-label": `Let ${job.id} fail with`, onchange: (event) => pull("end", { job: job.id, how: "failed", error: event.target.value }) },
    element("option", { value: "", disabled: true, selected: true }, "Fail with…"), ...["invalid_training_file", "exceeded_quota", "server_error"].map((code) => element("option", { value: code }, code)));
  const levers = OVER.has(job.status) ? null : element("span", { class: "actions" }, end("succeeded", "Succeed"), errors, end("stuck", "Get stuck"));
  return element("li", {}, element("code", {}, job.id), " ", element("strong", { class: `status ${job.status}` }, job.status.replaceAll("_", " ")),
    element("button", { class: "quiet", "data-use": `copy ${job.id}`, "aria-label": `Put ${job.id} into the composer`, onclick: () => into_composer(job.id) }, "Use id"), levers);
}

function into_composer(id) {
  if (here.place === "home") go(channels()[0].id);
  const field = at("write");
  field.value = /\s$|^$/.test(field.value) ? `${field.value || "/ftjob status "}${id}` : `${field.value} ${id}`;
  pane("chat");
  field.focus();
}

function draw_entry(entry) {
  const how = entry.status === 0 ? "no answer" : `${entry.status}`;
  const fine = entry.status > 0 && entry.status < 400;
  return element("li", { class: fine ? null : "bad" }, element("time", { class: "small", datetime: new Date(entry.at * 1000).toISOString() }, new Date(entry.at * 1000).toLocaleTimeString()), " ",
    element("strong", {}, `${entry.side} ${entry.what}`), " ", element("span", {}, how), entry.accepted && !fine ? element("em", {}, " (done all the same)") : null, element("span", { class: "small" }, ` ${entry.brief}`));
}

at("bot-switch").addEventListener("click", () => pull("bot", { run: !seen.fact("bot").running }));
for (const side of ["slack", "api"]) at(`trouble-${side}`).addEventListener("change", (event) => pull("trouble", { side, name: event.target.value }));
at("new").addEventListener("submit", (event) => { event.preventDefault(); pull("job", { life: at("life").value, seconds: Number(at("seconds").value) }); });
