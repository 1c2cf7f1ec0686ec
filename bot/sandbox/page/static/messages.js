// A channel's messages, a thread's, and the Home tab.

import { blocks } from "./blocks.js";
import { at, element, keep } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { act } from "./server.js";
import { channel_here, here, pane, seen, world } from "./state.js";
import { user } from "./windows.js";

export function draw_place() {
  const channel = channel_here(), is_home = here.place === "home";
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

export function draw_thread() {
  const channel = channel_here(), root = channel?.messages.find((each) => each.ts === here.thread);
  at("thread").hidden = !root;
  document.querySelector("#tabs [data-pane=thread]").hidden = !root;
  if (!root) return;
  const lines = [root, ...replies_to(channel, here.thread)];
  keep(at("replies"), lines.map((line) => ({ key: line.ts, value: line })), (line) => message(line, channel, true));
}

function open_thread(ts) {
  here.thread = ts;
  pane("thread");
  draw_thread();
  at("shut").focus();
}

function lines_of(channel) {
  const ephemerals = seen.ephemerals.filter((each) => each.channel === channel.id);
  return [...channel.messages, ...ephemerals].sort((a, b) => Number(a.ts) - Number(b.ts));
}

function in_channel(line) {
  return !line.thread || line.thread === line.ts || line.broadcast;
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
  const picks = line.ephemeral ? [] : seen.shortcuts.map(({ callback_id, name }) => element("button", { class: "quiet", "data-use": `${callback_id} ${line.ts}`, onclick: () => act({ do: "shortcut", callback_id, channel: channel.id, ts: line.ts }) }, name));
  return element("article", { class: line.ephemeral ? "ephemeral" : by?.bot ? "bot" : "person" }, alone, head, ...body, talk, picks.length ? element("span", { class: "pick" }, ...picks) : null);
}
