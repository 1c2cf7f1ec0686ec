// A channel's messages, a thread's, and the Home tab.

import { blocks } from "./blocks.js";
import { at, element, keep } from "./dom.js";
import { Lines } from "./lines.js";
import { mrkdwn } from "./mrkdwn.js";
import { act } from "./server.js";
import { channel_here, here, pane, seen, world } from "./state.js";
import { user } from "./windows.js";

const messages = new Lines(at("messages"), message), thread = new Lines(at("replies"), reply);
const NO_HOME = [{ type: "section", text: { type: "plain_text", text: "The bot has not shown this tab yet." } }];

// Begin at the newest message: the person goes somewhere else, or is somebody else.
export function begin() {
  messages.begin();
}

export function draw_place() {
  const channel = channel_here(), is_home = here.place === "home";
  at("title").textContent = is_home ? "ftjob: Home" : channel.im ? "ftjob (direct message)" : `# ${channel.name}`;
  at("membership").hidden = is_home || channel.im;
  at("messages").hidden = is_home;
  at("composer").hidden = is_home;
  at("home").hidden = !is_home;
  if (is_home) {
    keep(at("home"), (seen.home ?? NO_HOME).map((block, nth) => [`${nth}`, block]), (block) => blocks([block], { world, use: user({ kind: "home" }) })[0]);
    return;
  }
  at("membership").textContent = channel.joined ? "Remove ftjob from this channel" : "Invite ftjob to this channel";
  at("membership").onclick = () => act({ do: channel.joined ? "remove" : "invite", channel: channel.id });
  const lines = lines_here(), replies = count_replies(lines);
  messages.draw(lines.filter(in_channel).map((line) => [line.ts, line, replies.get(line.ts) ?? 0]));
}

export function draw_thread() {
  const root = here.place === "home" ? null : seen.lines.get(here.thread);
  at("thread").hidden = !root;
  document.querySelector("#tabs [data-pane=thread]").hidden = !root;
  if (!root) return;
  thread.draw(lines_here().filter((line) => line === root || is_reply(line, root.ts)).map((line) => [line.ts, line]));
}

function open_thread(ts) {
  here.thread = ts;
  thread.begin();
  pane("thread");
  draw_thread();
  at("shut").focus();
}

function lines_here() {
  return [...seen.lines.values()].filter((line) => line.channel === here.place && (!line.only_for || line.only_for === here.me));
}

function in_channel(line) {
  return !line.thread || line.thread === line.ts || line.broadcast;
}

function is_reply(line, ts) {
  return line.thread === ts && line.ts !== ts;
}

function count_replies(lines) {
  const counts = new Map();
  for (const line of lines) if (line.thread && line.thread !== line.ts) counts.set(line.thread, (counts.get(line.thread) ?? 0) + 1);
  return counts;
}

function message(line, replies, in_thread = false) {
  const by = seen.people.get(line.user), when = new Date(Number(line.ts) * 1000);
  const notes = [line.edited ? "(edited)" : "", !in_thread && line.broadcast ? "replied to a thread" : ""].filter(Boolean).join(" · ");
  const head = element("p", { class: "by" }, element("strong", {}, by?.name ?? line.user), by?.bot ? element("span", { class: "app" }, "APP") : null,
    element("time", { class: "small", datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" })), notes ? element("span", { class: "small" }, notes) : null);
  const where = line.only_for ? { kind: "ephemeral", ts: line.ts } : { kind: "message", channel: line.channel, ts: line.ts };
  const body = line.blocks.length ? blocks(line.blocks, { world, use: user(where) }) : [element("p", {}, ...mrkdwn(line.text, world))];
  const alone = line.only_for ? element("p", { class: "small alone" }, "Only visible to you") : null;
  const talk = !in_thread && replies ? element("button", { class: "replies", "data-use": `thread ${line.ts}`, onclick: () => open_thread(line.ts) }, replies === 1 ? "1 reply" : `${replies} replies`) : null;
  const picks = line.only_for ? [] : seen.fact("shortcuts").map(({ callback_id, name }) => element("button", { class: "quiet", "data-use": `${callback_id} ${line.ts}`, onclick: () => act({ do: "shortcut", callback_id, channel: line.channel, ts: line.ts }) }, name));
  return element("article", { class: line.only_for ? "ephemeral" : by?.bot ? "bot" : "person" }, alone, head, ...body, talk, picks.length ? element("span", { class: "pick" }, ...picks) : null);
}

function reply(line) {
  return message(line, 0, true);
}
