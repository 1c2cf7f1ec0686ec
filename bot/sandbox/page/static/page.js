// The page: one picture of the workspace after the other comes in, and what people do goes out.

import { blocks } from "./blocks.js";
import { element, mrkdwn } from "./mrkdwn.js";

const at = (id) => document.getElementById(id);
const HINTS = [
  ["help", "what I understand"], ["subscribe", "follow every new job here"], ["list", "the newest jobs"],
  ["status ", "and a job's id"], ["track ", "and a job's id"], ["cancel ", "and a job's id"], ["curves ", "and a job's id"],
  ["create", "start a job"], ["models", "what was made"], ["settings", "what this channel gets"], ["outbox", "what could not be delivered"],
];
const SPEEDS = [[0, "Pause"], [1, "1×"], [10, "10×"], [60, "60×"]];

let seen = null; // the newest picture
let stream = null;
let place = null; // a channel's id, or "home"
let thread = null; // the ts of the message whose thread is open
let shown_modal = ""; // which state of which modal is drawn
const read = {}; // by person and channel: the newest ts that was seen
const typed = {}; // by channel: what was written and not sent

const world = {
  person: (id) => seen.people.find((each) => each.id === id)?.name ?? id,
  channel: (id) => seen.channels.find((each) => each.id === id)?.name ?? "private-channel",
};

// --- in and out ---

function watch(as) {
  stream?.close();
  stream = new EventSource(`/picture?as=${encodeURIComponent(as)}`);
  stream.onmessage = (event) => { seen = JSON.parse(event.data); draw(); };
  stream.onerror = () => banner("This page lost its server. Start `ftjob try` again.");
  stream.onopen = () => banner("");
}

async function pull(lever, asked) {
  const answer = await fetch(`/${lever}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: seen?.me, ...asked }) });
  const { said } = await answer.json();
  return { ok: answer.ok, said };
}

async function act(asked) {
  at("said").textContent = "";
  const { said } = await pull("act", asked);
  at("said").textContent = said;
  return said;
}

function banner(text) {
  at("banner").hidden = !text;
  at("banner").textContent = text;
}

// --- keeping what is drawn ---

// Draw only what is another than before, so that nobody loses the place, the focus or a half-filled field.
function keep(container, items, draw_one) {
  const before = new Map([...container.children].map((child) => [child.dataset.key, child]));
  const focused = document.activeElement?.dataset?.use;
  const inside = container.contains(document.activeElement);
  items.forEach(({ key, value }, nth) => {
    const sign = JSON.stringify(value);
    let child = before.get(key);
    if (!child || child.sign !== sign) {
      const made = draw_one(value);
      made.dataset.key = key;
      made.sign = sign;
      child?.replaceWith(made);
      child = made;
    }
    before.delete(key);
    if (container.children[nth] !== child) container.insertBefore(child, container.children[nth] ?? null);
  });
  before.forEach((child) => child.remove());
  if (inside && focused && !container.contains(document.activeElement)) {
    [...container.querySelectorAll("[data-use]")].find((each) => each.dataset.use === focused)?.focus();
  }
}

// --- the workspace ---

function draw() {
  place ??= seen.channels.find((each) => !each.im)?.id ?? null;
  if (place !== "home" && !seen.channels.some((each) => each.id === place)) place = seen.channels[0]?.id ?? "home";
  draw_people();
  draw_channels();
  draw_place();
  draw_thread();
  draw_modal();
  draw_lab();
}

function draw_people() {
  const able = seen.people.filter((each) => each.role);
  keep(at("as"), able.map((each) => ({ key: each.id, value: each })), (each) => element("option", { value: each.id }, `${each.name}, ${each.role}`));
  at("as").value = seen.me;
}

function lines_of(channel) {
  const ephemerals = seen.ephemerals.filter((each) => each.channel === channel.id);
  return [...channel.messages, ...ephemerals].sort((a, b) => Number(a.ts) - Number(b.ts));
}

function in_channel(line) {
  return !line.thread || line.thread === line.ts || line.broadcast;
}

function draw_channels() {
  const rows = seen.channels.map((channel) => {
    const newest = channel.messages.at(-1)?.ts ?? "0", mark = `${seen.me} ${channel.id}`;
    if (channel.id === place) read[mark] = newest;
    read[mark] ??= newest;
    const unread = channel.messages.filter((each) => Number(each.ts) > Number(read[mark])).length;
    return { key: channel.id, value: { id: channel.id, name: channel.name, im: channel.im, unread, here: channel.id === place } };
  });
  rows.push({ key: "home", value: { id: "home", name: "ftjob: Home", home: true, unread: 0, here: place === "home" } });
  keep(at("channels"), rows, (row) => {
    const name = row.im ? `${row.name} (direct message)` : row.home ? row.name : `# ${row.name}`;
    const count = row.unread ? element("span", { class: "count" }, `${row.unread}`, element("span", { class: "unseen" }, " unread")) : null;
    return element("li", {}, element("button", { class: row.unread ? "unread" : null, "aria-current": row.here ? "page" : null, "data-use": `go ${row.id}`, onclick: () => go(row.id) }, name, " ", count));
  });
}

function go(where) {
  typed[place] = at("write").value;
  place = where;
  thread = null;
  at("write").value = typed[place] ?? "";
  at("said").textContent = "";
  pane("chat");
  if (where === "home") act({ do: "home" });
  draw();
  at("messages").scrollTop = at("messages").scrollHeight;
}

function draw_place() {
  const channel = seen.channels.find((each) => each.id === place), is_home = place === "home";
  at("title").textContent = is_home ? "ftjob: Home" : channel.im ? "ftjob (direct message)" : `# ${channel.name}`;
  at("membership").hidden = is_home || channel.im;
  at("messages").hidden = is_home;
  at("composer").hidden = is_home;
  at("home").hidden = !is_home;
  if (is_home) {
    const home = seen.home ?? [{ type: "section", text: { type: "plain_text", text: "The bot has not shown this tab yet." } }];
    keep(at("home"), home.map((block, nth) => ({ key: `${nth}`, value: block })), (block) => blocks([block], { world, use: user({ kind: "home" }) })[0]);
    return;
  }
  at("membership").textContent = channel.joined ? "Remove ftjob from this channel" : "Invite ftjob to this channel";
  at("membership").onclick = () => act({ do: channel.joined ? "remove" : "invite", channel: channel.id });
  const list = at("messages"), near = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  keep(list, lines_of(channel).filter(in_channel).map((line) => ({ key: `${line.ephemeral ? "e" : "m"}${line.ts}`, value: { ...line, replies: replies_to(channel, line.ts).length } })), (line) => message(line, channel));
  if (near) list.scrollTop = list.scrollHeight;
}

function replies_to(channel, ts) {
  return lines_of(channel).filter((each) => each.thread === ts && each.ts !== ts);
}

function message(line, channel, in_thread = false) {
  const by = seen.people.find((each) => each.id === line.user), when = new Date(Number(line.ts) * 1000);
  const notes = [line.edited ? "(edited)" : "", !in_thread && line.broadcast ? "replied to a thread" : ""].filter(Boolean).join(" · ");
  const head = element("p", { class: "by" }, element("strong", {}, by?.name ?? line.user), by?.bot ? element("span", { class: "app" }, "APP") : null,
    element("time", { class: "small", datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" })), notes ? element("span", { class: "small" }, notes) : null);
  const where = line.ephemeral ? { kind: "ephemeral", ts: line.ts } : { kind: "message", channel: channel.id, ts: line.ts };
  const body = line.blocks.length ? blocks(line.blocks, { world, use: user(where) }) : [element("p", {}, ...mrkdwn(line.text, world))];
  const alone = line.ephemeral ? element("p", { class: "small alone" }, "Only visible to you") : null;
  const talk = !in_thread && line.replies ? element("button", { class: "replies", "data-use": `thread ${line.ts}`, onclick: () => open_thread(line.ts) }, line.replies === 1 ? "1 reply" : `${line.replies} replies`) : null;
  const pick = !line.ephemeral && !in_thread ? element("button", { class: "quiet pick", "data-use": `pick ${line.ts}`, onclick: () => act({ do: "shortcut", callback_id: "ftjob_track_message", channel: channel.id, ts: line.ts }) }, "Track jobs in message") : null;
  return element("article", { class: line.ephemeral ? "ephemeral" : by?.bot ? "bot" : "person" }, alone, head, ...body, talk, pick);
}

function user(where) {
  return async (action_id, value, confirm) => {
    if (confirm && !(await confirmed(confirm))) return;
    await act({ do: "press", where, action_id, value });
  };
}

function open_thread(ts) {
  thread = ts;
  pane("thread");
  draw_thread();
  at("shut").focus();
}

function draw_thread() {
  const channel = seen.channels.find((each) => each.id === place), root = channel?.messages.find((each) => each.ts === thread);
  at("thread").hidden = !root;
  document.querySelector("#tabs [data-pane=thread]").hidden = !root;
  if (!root) return;
  const lines = [root, ...replies_to(channel, thread)];
  keep(at("replies"), lines.map((line) => ({ key: line.ts, value: line })), (line) => message(line, channel, true));
}

// --- windows ---

function draw_modal() {
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

// --- behind the scenes ---

function draw_lab() {
  const { ledger, bot } = seen;
  const verdict = [
    ["Messages that Slack took", ledger.posted, ""], ["Of them doubled", ledger.doubled, ledger.doubled ? "bad" : "good"],
    ["Ends of jobs not told yet", ledger.untold, ledger.untold ? "wait" : "good"], ["Requests in all", ledger.total, ""],
    ["Complaints of Slack", ledger.complaints.length, ledger.complaints.length ? "bad" : "good"],
  ];
  keep(at("verdict"), verdict.map(([name, count, how]) => ({ key: name, value: [name, count, how] })), ([name, count, how]) => element("div", {}, element("dt", {}, name), element("dd", { class: how || null }, `${count}`)));
  at("bot-state").textContent = !bot.running ? "Killed." : bot.connected ? `Running and connected (start number ${bot.starts}).` : "Starting…";
  at("bot-switch").textContent = bot.running ? "Kill it" : "Start it again";
  for (const side of ["slack", "api"]) {
    const ways = [{ name: "", says: "works" }, ...seen.troubles.filter((each) => each.side === side)];
    keep(at(`trouble-${side}`), ways.map((each) => ({ key: each.name, value: each })), (each) => element("option", { value: each.name }, each.says));
    at(`trouble-${side}`).value = seen.troubled[side];
  }
  keep(at("speed"), SPEEDS.map(([speed, name]) => ({ key: name, value: [speed, name, seen.speed === speed] })), ([speed, name, is_on]) =>
    element("button", { type: "button", class: is_on ? "primary" : "quiet", "aria-pressed": `${is_on}`, "data-use": `speed ${speed}`, onclick: () => pull("speed", { speed }) }, name));
  keep(at("jobs"), seen.jobs.map((job) => ({ key: job.id, value: job })), draw_job);
  keep(at("ledger"), ledger.entries.toReversed().map((entry) => ({ key: entry.name, value: entry })), draw_entry);
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
  if (place === "home") go(seen.channels[0].id);
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

// --- what people type ---

function pane(name) {
  document.body.dataset.pane = name;
}

function draw_hints() {
  const text = at("write").value, found = /^\/(f?t?j?o?b?)$|^\/ftjob (\S*)$/.exec(text);
  const fitting = found ? HINTS.filter(([verb]) => !found[2] || verb.startsWith(found[2])) : [];
  keep(at("hints"), fitting.slice(0, 6).map((each) => ({ key: each[0], value: each })), ([verb, says]) =>
    element("button", { type: "button", class: "quiet", onclick: () => { at("write").value = `/ftjob ${verb}`; at("write").focus(); draw_hints(); } }, element("code", {}, `/ftjob ${verb.trim()}`), ` ${says}`));
}

async function send() {
  const text = at("write").value.trim();
  if (!text) return;
  at("write").value = "";
  draw_hints();
  const said = await act({ do: "write", channel: place, text });
  if (said) at("write").value = text;
}

at("composer").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("write").addEventListener("input", draw_hints);
at("write").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); send(); }
});
at("as").addEventListener("change", (event) => { thread = null; watch(event.target.value); });
at("shut").addEventListener("click", () => { thread = null; pane("chat"); draw_thread(); });
at("bot-switch").addEventListener("click", () => pull("bot", { run: !seen.bot.running }));
for (const side of ["slack", "api"]) at(`trouble-${side}`).addEventListener("change", (event) => pull("trouble", { side, name: event.target.value }));
at("new").addEventListener("submit", (event) => { event.preventDefault(); pull("job", { life: at("life").value, seconds: Number(at("seconds").value) }); });
at("tabs").addEventListener("click", (event) => { if (event.target.dataset.pane) pane(event.target.dataset.pane); });

watch("");
